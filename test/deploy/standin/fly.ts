/**
 * Stand-in for ampbase-io/fly 0.2: the same calls for an app, an address and a machine. As there, a machine counts as made when it
 * is started and its checks pass, and only its identity is read back.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Api, api, unlessGone, VendorError } from "./http.ts";
import { compact, type Json, record, records } from "./json.ts";
import { schemaOf } from "./schema.ts";
import type { Provider, Resource } from "./server.ts";
import type { Values } from "./values.ts";

/** Longest wait for a machine to start and to pass its checks, each. Unit: milliseconds. The provider's own. */
const WAIT_MS = 120_000;

/** What the provider makes of a machine's blocks. */
const configOf = (values: Values): unknown =>
  compact({
    image: values["image"],
    env: values["env"],
    metadata: values["metadata"],
    guest: values["guest"],
    restart: values["restart"],
    services: records(values["service"]).map(({ port, check, concurrency, ...service }) => ({
      ...service,
      // At most one block, which the API takes as an object.
      concurrency: records(concurrency)[0],
      ports: port,
      checks: check,
    })),
  });

function apps(call: () => Api, organization: () => string): Resource {
  const view = async (values: Values): Promise<Values> => {
    const app = await call()("GET", `/v1/apps/${String(values["name"])}`);
    return {
      ...values,
      id: app["id"],
      org: record(app["organization"])["slug"] ?? organization(),
      network: app["network"] ?? "default",
    };
  };
  return {
    replace: ["name", "org", "network"],
    create: async (planned) => {
      try {
        await call()("POST", "/v1/apps", { name: planned["name"], org_slug: organization() });
      } catch (error) {
        // As in the provider: a name that is taken is looked at below, and refused there when it is someone else's.
        if (!(error instanceof VendorError) || error.status !== 422) throw error;
      }
      return view(planned);
    },
    read: (state) => unlessGone(() => view(state)),
    remove: async (state) => {
      await unlessGone(() => call()("DELETE", `/v1/apps/${String(state["name"])}`));
    },
  };
}

const IP_TYPES: Readonly<Record<string, string>> = { public_v4: "v4", public_v6: "v6" };

function ips(call: () => Api): Resource {
  const path = (values: Values) => `/v1/apps/${String(values["app"])}/ip_assignments`;
  return {
    replace: ["app", "type", "network", "org_slug"],
    create: async (planned) => {
      const type = String(planned["type"]);
      const { ip } = await call()("POST", path(planned), { type: IP_TYPES[type] ?? type });
      return { ...planned, id: ip, address: ip };
    },
    read: (state) =>
      unlessGone(async () => {
        const found = records((await call()("GET", path(state)))["ips"]);
        return found.some(({ ip }) => ip === state["address"]) ? state : null;
      }),
    remove: async (state) => {
      await unlessGone(() => call()("DELETE", `${path(state)}/${String(state["address"])}`));
    },
  };
}

function machines(call: () => Api): Resource {
  const all = (values: Values) => `/v1/apps/${String(values["app"])}/machines`;
  const view = (values: Values, machine: Json): Values => ({
    ...values,
    id: machine["id"],
    instance_id: machine["instance_id"],
    name: machine["name"],
    region: machine["region"],
    state: machine["state"],
    private_ip: machine["private_ip"] ?? "",
    image_digest: record(machine["image_ref"])["digest"] ?? "",
  });
  const get = (values: Values, id: unknown) => call()("GET", `${all(values)}/${String(id)}`);
  const settled = async (values: Values, id: unknown): Promise<Values> => {
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      const machine = await get(values, id);
      const checks = records(machine["checks"]);
      if (machine["state"] === "started" && checks.every(({ status }) => status === "passing"))
        return view(values, machine);
      if (performance.now() > deadline) throw new Error(`machine ${String(id)} did not start and pass its checks`);
      await sleep(200);
    }
  };
  return {
    replace: ["app", "region"],
    volatile: ["instance_id", "state", "private_ip", "image_digest"],
    create: async (planned) => {
      const { name, region } = planned;
      const { id } = await call()("POST", all(planned), { name, region, config: configOf(planned) });
      try {
        return await settled(planned, id);
      } catch (error) {
        // A machine that never worked must not stay behind under its name.
        await unlessGone(() => call()("DELETE", `${all(planned)}/${String(id)}?force=true`));
        throw error;
      }
    },
    update: async (planned, prior) => {
      await call()("POST", `${all(prior)}/${String(prior["id"])}`, { config: configOf(planned) });
      return settled(planned, prior["id"]);
    },
    read: (state) =>
      // As there, a machine that somebody destroyed is forgotten on 404 only, and the API goes on answering 200.
      unlessGone(async () => view(state, await get(state, state["id"]))),
    remove: async (state) => {
      await unlessGone(() => call()("DELETE", `${all(state)}/${String(state["id"])}?force=true`));
    },
  };
}

/** The provider. */
export function fly(env: Readonly<Record<string, string | undefined>>): Provider {
  let connected = api("http://127.0.0.1:9", "");
  let organization = "";
  const call = () => connected;
  return {
    schema: schemaOf("fly"),
    configure: (config) => {
      organization = String(config["org_slug"]);
      connected = api(
        typeof config["base_url"] === "string" ? config["base_url"] : "https://api.machines.dev",
        env["FLY_API_TOKEN"] ?? "",
      );
    },
    resources: { fly_app: apps(call, () => organization), fly_ip: ips(call), fly_machine: machines(call) },
  };
}

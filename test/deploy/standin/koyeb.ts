/** Stand-in for koyeb/koyeb 0.1.11: the same calls for an app and a service. As there, a service's definition is never read back. */
import { type Api, api, unlessGone } from "./http.ts";
import { type Json, orNull, record, records } from "./json.ts";
import { schemaOf } from "./schema.ts";
import type { Provider, Resource } from "./server.ts";
import type { Values } from "./values.ts";

/** Block lists of one become objects, and absent values go. */
const flat = (value: unknown): Json =>
  Object.fromEntries(
    Object.entries(record(records(value)[0])).filter(([, item]) => item !== null && item !== "" && !emptyList(item)),
  );
const emptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const clean = (values: readonly Json[]): readonly Json[] => values.map((value) => flat([value]));

/** What the provider makes of a `definition` block. */
function definitionOf(values: Values): Json {
  const definition = flat(values["definition"]);
  return {
    ...definition,
    env: clean(records(definition["env"])),
    scalings: clean(records(definition["scalings"])),
    instance_types: clean(records(definition["instance_types"])),
    health_checks: records(definition["health_checks"]).map((check) => ({
      ...flat([check]),
      http: flat(check["http"]),
    })),
    docker: flat(definition["docker"]),
  };
}

const APP = ["id", "name", "organization_id", "created_at", "updated_at"] as const;
const SERVICE = [
  "id",
  "name",
  "app_id",
  "organization_id",
  "status",
  "version",
  "created_at",
  "updated_at",
  "paused_at",
  "resumed_at",
  "terminated_at",
];
const shown = (answer: Json, names: readonly string[]): Json =>
  Object.fromEntries(names.map((name) => [name, orNull(answer[name])]));

function apps(call: () => Api): Resource {
  const view = (values: Values, answer: Json): Values => ({
    ...values,
    ...shown(answer, APP),
    domains: records(answer["domains"]).map((domain) => ({
      app_name: String(values["name"]),
      created_at: "",
      deployment_group: "",
      id: String(domain["id"]),
      intended_cname: "",
      messages: "",
      name: String(domain["name"]),
      organization_id: "",
      status: String(domain["status"]),
      type: String(domain["type"]),
      updated_at: "",
      verified_at: "",
      version: "",
    })),
  });
  return {
    replace: ["name"],
    create: async (planned) =>
      view(planned, record((await call()("POST", "/v1/apps", { name: planned["name"] }))["app"])),
    read: (state) =>
      unlessGone(async () => view(state, record((await call()("GET", `/v1/apps/${String(state["id"])}`))["app"]))),
    remove: async (state) => {
      await call()("DELETE", `/v1/apps/${String(state["id"])}`);
    },
  };
}

function services(call: () => Api): Resource {
  const view = (values: Values, answer: Json): Values => ({
    ...values,
    ...shown(answer, SERVICE),
    active_deployment: orNull(answer["active_deployment_id"]),
    latest_deployment: orNull(answer["latest_deployment_id"]),
  });
  const get = async (values: Values, id: unknown) =>
    view(values, record((await call()("GET", `/v1/services/${String(id)}`))["service"]));
  return {
    replace: ["app_name"],
    volatile: ["active_deployment", "latest_deployment", "status", "updated_at", "version"],
    create: async (planned) => {
      // Found by name through a list, as the provider does.
      const found = records((await call()("GET", "/v1/apps?limit=100"))["apps"]).find(
        ({ name }) => name === planned["app_name"],
      );
      if (!found) throw new Error(`there is no app ${String(planned["app_name"])}`);
      const answer = await call()("POST", "/v1/services", { app_id: found["id"], definition: definitionOf(planned) });
      return get(planned, record(answer["service"])["id"]);
    },
    update: async (planned, prior) => {
      await call()("PUT", `/v1/services/${String(prior["id"])}`, { definition: definitionOf(planned) });
      return get(planned, prior["id"]);
    },
    read: (state) => unlessGone(() => get(state, state["id"])),
    remove: async (state) => {
      await call()("DELETE", `/v1/services/${String(state["id"])}`);
    },
  };
}

/** The provider. The real one knows one host only; this one asks `KOYEB_URL`. */
export function koyeb(env: Readonly<Record<string, string | undefined>>): Provider {
  let connected = api("http://127.0.0.1:9", "");
  const call = () => connected;
  return {
    schema: schemaOf("koyeb"),
    configure: () => {
      connected = api(env["KOYEB_URL"] ?? "", env["KOYEB_TOKEN"] ?? "");
    },
    resources: { koyeb_app: apps(call), koyeb_service: services(call) },
  };
}

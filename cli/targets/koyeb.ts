/** Koyeb over REST: organisation secrets, redeploy, instances. A write takes effect only with a new deployment. */
import type { Environment, Origin } from "../../contract/config.ts";
import type { SlotName } from "../../contract/gateway-secret.ts";
import { markVariable, NO_MARK } from "../../contract/marks.ts";
import {
  koyebSecretName,
  koyebSlotSecret,
  neededSecrets,
  secretSpecs,
  type SecretSpec,
} from "../../contract/secret-names.ts";
import type { KidsReport } from "../../contract/slots.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { Api } from "../http.ts";
import { inTime, LATE } from "./in-time.ts";
import { asObject, listAt, textAt, type Json } from "./json.ts";
import { calmDown, redeploy } from "./koyeb-rollout.ts";
import { PEEK_TIMEOUT_MS, probeOrigin } from "./origin-probe.ts";
import type { Guard, InstanceView, OriginLook, OriginTarget, Stamps, VaultSlots } from "./types.ts";
import { pauseMs } from "../waits.ts";

type KoyebOrigin = Extract<Origin, { kind: "koyeb" }>;

/** Unit: milliseconds. */
const ROLLOUT_TIMEOUT_MS = 15 * 60_000;
const SETTLE_TIMEOUT_MS = 120_000;
/** A new deployment gets its first instance within this time. */
const COMING_TIMEOUT_MS = 30_000;
/** A joining origin may be unable to start before it has a secret: not answering is an answer. */
const JOINING_TIMEOUT_MS = 10_000;
/** What was made a moment ago may be missing from a list. Unit: milliseconds. */
const LISTED_TIMEOUT_MS = 5_000;
const PAGE = 100;

/** Instances that still run or will run; STOPPED and ERROR ones never answer again. */
const PRESENT = ["ALLOCATING", "STARTING", "HEALTHY", "UNHEALTHY", "STOPPING", "SLEEPING"] as const;
const STATUSES = PRESENT.map((status) => `&statuses=${status}`).join("");
const FAILED = new Set(["ERROR", "ERRORING", "CANCELED", "CANCELING", "STOPPED", "STOPPING", "STASHED", "UNHEALTHY"]);

/** Client for one organisation. */
export function koyebApi(context: Context, access: { baseUrl: string; token: string }): Api {
  return new Api(context, {
    vendor: "Koyeb",
    baseUrl: access.baseUrl,
    tokenVariable: "KOYEB_TOKEN",
    moved: {
      message: "its API is somewhere else",
      hint: HINTS.moved("correct KOYEB_URL, or unset it: its default is Koyeb's own API"),
    },
    headers: { authorization: `Bearer ${access.token}` },
  });
}

/** More pages than any organisation has: an answer that never ends must not fill the memory of this machine. */
const MAX_PAGES = 200;

/** All pages of a list, to its count; without one, to a page that is not full. @throws {McpistError} ERR_VENDOR. */
async function all(api: Api, path: string, key: string): Promise<readonly Json[]> {
  const found: Json[] = [];
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const query = `limit=${PAGE}&offset=${found.length}`;
    const { json } = await api.get(`${path}${path.includes("?") ? "&" : "?"}${query}`);
    const page = listAt(json, key, `Koyeb's list of ${key}`);
    found.push(...page);
    // A page may be shorter than what was asked for: the end is told by the count.
    const { count } = asObject(json, `Koyeb's list of ${key}`);
    const ended = typeof count === "number" ? found.length >= count : page.length < PAGE;
    if (page.length === 0 || ended) return found;
  }
  throw new McpistError("ERR_VENDOR", `Koyeb's list of ${key} does not end`, { hint: HINTS.vendorFault("Koyeb") });
}

/** The organisation's secrets by name. Values are never asked for. */
async function secretsByName(
  api: Api,
): Promise<ReadonlyMap<string, { readonly id: string; readonly updatedAt: string }>> {
  const secrets = await all(api, "/v1/secrets", "secrets");
  return new Map(
    secrets.map((secret) => [
      textAt(secret, "name", "a Koyeb secret"),
      { id: textAt(secret, "id", "a Koyeb secret"), updatedAt: textAt(secret, "updated_at", "a Koyeb secret") },
    ]),
  );
}

const writtenAt = (json: unknown): string =>
  textAt(asObject(json, "Koyeb's answer")["secret"], "updated_at", "a Koyeb secret");

/**
 * Creates or replaces one organisation secret. A list may be behind: one that is there and not listed yet, or listed and gone, is
 * refused and looked for again.
 * @param guard called right before each write, after the look. @returns when it was written, by Koyeb's clock.
 */
export async function putKoyebSecret(
  api: Api,
  context: Context,
  name: string,
  value: string,
  guard: Guard = () => Promise.resolve(),
): Promise<string> {
  const body = { name, type: "SIMPLE", value };
  const began = context.monotonic();
  for (;;) {
    const existing = (await secretsByName(api)).get(name);
    const since = context.monotonic() - began;
    const late = since > LISTED_TIMEOUT_MS;
    const refusals = late ? [] : existing ? [404] : [400, 409];
    await guard();
    const answer = existing
      ? await api.call("PATCH", `/v1/secrets/${existing.id}`, { body, accept: refusals })
      : await api.call("POST", "/v1/secrets", { body, accept: refusals });
    if (answer.status < 400) return writtenAt(answer.json);
    await context.waits.during(`Koyeb: its list to show ${name} as it is`, () => context.sleep(pauseMs(since)));
  }
}

/** Id of the service, or an error that names what is missing. */
export async function koyebServiceId(api: Api, origin: KoyebOrigin): Promise<string | null> {
  const apps = await all(api, `/v1/apps?name=${encodeURIComponent(origin.app)}`, "apps");
  const app = apps.find((candidate) => candidate["name"] === origin.app);
  if (!app) return null;
  const services = await all(
    api,
    `/v1/services?app_id=${textAt(app, "id", "a Koyeb app")}&name=${encodeURIComponent(origin.service)}`,
    "services",
  );
  const service = services.find((candidate) => candidate["name"] === origin.service);
  return service ? textAt(service, "id", "a Koyeb service") : null;
}

/** One Koyeb origin. */
export function koyebOrigin(
  context: Context,
  api: Api,
  environmentName: string,
  environment: Environment,
  origin: KoyebOrigin,
): OriginTarget {
  const secretName = (slot: "a" | "b") => koyebSlotSecret(environmentName, slot);
  const legacyName = koyebSecretName(environmentName, "GATEWAY_SECRET");
  let cachedId: string | null = null;
  /** What a rollout is waited for. */
  let said = "";

  const joining = origin.state === "joining";
  const findService = async (): Promise<string | null> => (cachedId ??= await koyebServiceId(api, origin));
  const serviceId = async (): Promise<string> => {
    const id = await findService();
    if (id !== null) return id;
    throw new McpistError("ERR_NOT_FOUND", `Koyeb has no service ${origin.app}/${origin.service}`, {
      hint: HINTS.koyebService(),
    });
  };
  /** A deployment that names a secret which is not there fails, and a service of this version names the marks. */
  const makeMarks = async (guard: Guard): Promise<void> => {
    const held = await secretsByName(api);
    const names = neededSecrets(environment).map((name) => koyebSecretName(environmentName, markVariable(name)));
    for (const name of names) {
      if (held.has(name)) continue;
      await guard();
      // Another origin of the organisation may be making it as well.
      await api.call("POST", "/v1/secrets", { body: { name, type: "SIMPLE", value: NO_MARK }, accept: [400, 409] });
    }
  };
  const deployment = async (id: string): Promise<Json> => {
    const { json } = await api.get(`/v1/deployments/${id}`);
    return asObject(asObject(json, "Koyeb's answer")["deployment"], "a Koyeb deployment");
  };
  const present = (query: string): Promise<readonly Json[]> =>
    all(api, `/v1/instances?${query}${STATUSES}`, "instances");

  const latestOf = async (service: string): Promise<string> => {
    const { json } = await api.get(`/v1/services/${service}`);
    return textAt(asObject(json, "Koyeb's answer")["service"], "latest_deployment_id", "a Koyeb service");
  };
  /**
   * HEALTHY, and no instance of an older deployment left. The CLI's --wait takes SLEEPING and STASHED for success; this does not.
   * Somebody who deploys meanwhile overtakes it: that deployment was made after the secrets were written, and is followed instead.
   */
  const awaitRollout = async (service: string, first: string): Promise<void> => {
    const began = context.monotonic();
    let id = first;
    for (;;) {
      const made = await deployment(id);
      const status = textAt(made, "status", "a Koyeb deployment");
      said =
        status === "HEALTHY"
          ? `${origin.name}: instances older than deployment ${id} to stop`
          : `${origin.name}: deployment ${id} to be healthy (it is ${stateOf(made)})`;
      if (FAILED.has(status)) {
        const latest = await latestOf(service);
        if (latest !== id) {
          id = latest;
          continue;
        }
        throw new McpistError(
          "ERR_VENDOR",
          `Koyeb's deployment ${id} of ${origin.app}/${origin.service} ended ${stateOf(made)}; the old one keeps serving`,
          { hint: HINTS.koyebLogs(id) },
        );
      }
      if (status === "HEALTHY" || status === "SLEEPING") {
        const [total, fresh] = await Promise.all([present(`service_id=${service}`), present(`deployment_id=${id}`)]);
        if (total.length === fresh.length && fresh.length > 0) return;
      }
      const since = context.monotonic() - began;
      if (since > ROLLOUT_TIMEOUT_MS) {
        throw new McpistError(
          "ERR_TIMEOUT",
          `Koyeb's deployment ${id} is ${stateOf(made)} after ${ROLLOUT_TIMEOUT_MS / 60_000} min`,
          { hint: HINTS.koyebLogs(id) },
        );
      }
      await context.sleep(pauseMs(since));
    }
  };

  const rolledOut = (service: string, id: string): Promise<void> =>
    context.waits.during(
      () => said,
      () => awaitRollout(service, id),
    );

  return {
    name: origin.name,
    kind: "koyeb",
    state: origin.state,
    store: `koyeb/${environmentName}`,
    async names() {
      const names = await secretsByName(api);
      return {
        slots: (["a", "b"] as const).filter((slot) => names.has(secretName(slot))),
        legacy: names.has(legacyName),
      };
    },
    async write(values, guard) {
      for (const slot of ["a", "b"] as const) {
        const value = values[slot];
        if (value === undefined) continue;
        await putKoyebSecret(api, context, secretName(slot), value, guard);
      }
      await makeMarks(guard);
    },
    async put(name, value, mark, guard) {
      const stamp = await putKoyebSecret(api, context, koyebSecretName(environmentName, name), value, guard);
      await putKoyebSecret(api, context, koyebSecretName(environmentName, markVariable(name)), mark, guard);
      return stamp;
    },
    // The old deployment serves until the new one is healthy.
    outlook: async () => ({ alone: false, short: [] }),
    async deployed() {
      return (await findService()) !== null;
    },
    async roll(speed, guard) {
      // The service of a joining origin is deployed after its slots are written: without a slot it could not start.
      if (joining && (await findService()) === null) return;
      const service = await serviceId();
      await rolledOut(service, await redeploy({ context, api, service }, speed, guard));
    },
    async settle(guard) {
      const service = await findService();
      const made = service === null ? null : await calmDown({ context, api, service }, guard);
      if (service !== null && made !== null) await rolledOut(service, made);
    },
    async peek() {
      return (await probeOrigin(context, environment, origin.url, {}, PEEK_TIMEOUT_MS))?.kids ?? null;
    },
    async look({ withinMs = Number.POSITIVE_INFINITY } = {}): Promise<OriginLook> {
      return inTime(withinMs, lookAt(withinMs / 2), LATE);
    },
  };

  async function lookAt(withinMs: number): Promise<OriginLook> {
    if (joining && (await findService()) === null) return { ok: true, instances: [], config: null };
    const service = await serviceId();
    const latest = await latestOf(service);
    const [made, secrets] = await Promise.all([deployment(latest), secretsByName(api)]);
    const stamps = stampsOf(environmentName, secretSpecs(environment), secrets);
    const list = () => present(`service_id=${service}`);
    const hasFailed = FAILED.has(textAt(made, "status", "a Koyeb deployment"));
    // A first deployment that failed left nothing that could answer: its own reason is worth more than a wait.
    if (!joining && hasFailed && (await list()).length === 0)
      return { ok: false, reason: `no instance runs: its deployment ${latest} is ${stateOf(made)}`, stamps };
    const instances = await context.waits.during(`${origin.name}: its instances to answer`, () =>
      observeInstances(context, environment, origin, {
        list,
        listNewest: () => present(`deployment_id=${latest}`),
        isComing: !hasFailed,
        withinMs,
      }),
    );
    if (instances.reason !== undefined && !joining) {
      const now = await deployment(latest);
      return { ok: false, reason: `${instances.reason}; its deployment ${latest} is ${stateOf(now)}`, stamps };
    }
    // The configuration is what the newest deployment took, unless a secret was written after that deployment was made
    // (both times are Koyeb's own).
    const takenAt = Date.parse(textAt(made, "created_at", "a Koyeb deployment"));
    const fresh = instances.views.find((view) => view.newest);
    const slot = (name: SlotName): VaultSlots[SlotName] => {
      const secret = secrets.get(secretName(name));
      if (!secret) return null;
      if (!fresh || "legacy" in fresh.kids || Date.parse(secret.updatedAt) > takenAt) return "unknown";
      return fresh.kids[name];
    };
    const slots = { a: slot("a"), b: slot("b") };
    // A slot that is gone is none that an instance has: the next deployment would fail or boot without it.
    const same = (name: SlotName) =>
      fresh !== undefined && !("legacy" in fresh.kids) && slots[name] === fresh.kids[name];
    const newer = (["a", "b"] as const).some(
      (name) => Date.parse(secrets.get(secretName(name))?.updatedAt ?? "") > takenAt,
    );
    const lone = fresh !== undefined && "legacy" in fresh.kids && !newer;
    const config: KidsReport | null = fresh && (lone || (same("a") && same("b"))) ? fresh.kids : null;
    return {
      ok: true,
      instances: instances.views,
      config,
      slots,
      stamps,
      ...(instances.silent.length > 0 ? { silent: instances.silent } : {}),
    };
  }
}

/** Status of a deployment with what Koyeb says about it. */
function stateOf(made: Json): string {
  const messages = Array.isArray(made["messages"]) ? made["messages"].filter((text) => typeof text === "string") : [];
  return [textAt(made, "status", "a Koyeb deployment"), ...messages.slice(-1)].join(": ");
}

/** Variables of an origin that the organisation holds a secret for. @throws as {@link Api.call}. */
export async function koyebVariables(
  api: Api,
  environmentName: string,
  specs: readonly SecretSpec[],
): Promise<ReadonlySet<string>> {
  const held = await secretsByName(api);
  const variables = specs.flatMap(({ name }) => [name, markVariable(name)]);
  return new Set(variables.filter((variable) => held.has(koyebSecretName(environmentName, variable))));
}

/** When the other secrets were written: Koyeb tells no digest. */
const stampsOf = (
  environmentName: string,
  specs: readonly SecretSpec[],
  secrets: Awaited<ReturnType<typeof secretsByName>>,
): Stamps =>
  Object.fromEntries(
    specs.flatMap(({ name }) => {
      const held = secrets.get(koyebSecretName(environmentName, name));
      return held ? [[name, held.updatedAt]] : [];
    }),
  );

/** The instances of a service. */
interface Listed {
  readonly list: () => Promise<readonly Json[]>;
  /** Those of the newest deployment. */
  readonly listNewest: () => Promise<readonly Json[]>;
  /** That deployment has one, or will have one soon. */
  readonly isComing: boolean;
  /** Longest wait. Unit: milliseconds. */
  readonly withinMs: number;
}

/**
 * Repeats the request until every listed instance has answered. An instance cannot be addressed on Koyeb. A deployment that was made a
 * moment ago has no instance yet, and without one nothing is known of the configuration: it is waited for.
 */
async function observeInstances(
  context: Context,
  environment: Environment,
  origin: KoyebOrigin,
  { list, listNewest, isComing, withinMs }: Listed,
): Promise<{ readonly views: readonly InstanceView[]; readonly silent: readonly string[]; readonly reason?: string }> {
  const began = context.monotonic();
  const deadline = began + Math.min(withinMs, origin.state === "joining" ? JOINING_TIMEOUT_MS : SETTLE_TIMEOUT_MS);
  const comesBy = began + (isComing ? Math.min(withinMs, COMING_TIMEOUT_MS) : 0);
  for (;;) {
    const listed = await list();
    const newest = new Set((await listNewest()).map((instance) => instance["id"]));
    const missing = new Set(listed.map((instance) => textAt(instance, "id", "a Koyeb instance")));
    const views: InstanceView[] = [];
    for (let tries = 0; missing.size > 0 && tries < 12 * listed.length; tries++) {
      const seen = await probeOrigin(context, environment, origin.url, {}, withinMs);
      if (!seen) break;
      if (!missing.delete(seen.instanceId)) continue;
      const status = listed.find((instance) => instance["id"] === seen.instanceId)?.["status"];
      views.push({
        id: seen.instanceId,
        rollout: seen.deployment,
        newest: newest.has(seen.instanceId),
        awake: status !== "SLEEPING",
        kids: seen.kids,
        lastAccepted: seen.lastAccepted,
        ...(seen.marks ? { marks: seen.marks } : {}),
        ...(seen.peers ? { peers: seen.peers } : {}),
      });
    }
    const silent = [...missing];
    const isWhole = newest.size > 0 || context.monotonic() >= comesBy;
    if (listed.length > 0 && silent.length === 0 && isWhole) return { views, silent };
    if (context.monotonic() >= deadline)
      return {
        views,
        silent,
        reason: listed.length === 0 ? "no instance runs" : `instance ${silent.join(", ")} does not answer`,
      };
    await context.sleep(pauseMs(context.monotonic() - began));
  }
}

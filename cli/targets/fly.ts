/**
 * Fly.io over the Machines API. Secrets are injected at boot, so existing Machines are updated under a lease, never only
 * restarted: a restart may resume a suspended memory image that holds the old secret.
 */
import type { Origin } from "../../contract/config.ts";
import { LEGACY_VARIABLE, SLOT_VARIABLES } from "../../contract/gateway-secret.ts";
import { FLY_FORCE_INSTANCE_HEADER } from "../../contract/headers.ts";
import { isRecord } from "../../contract/json.ts";
import { markVariable } from "../../contract/marks.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Api } from "../http.ts";
import { pauseMs } from "../waits.ts";
import { putFlySecrets } from "./fly-api.ts";
import { configOf, digestsOf, slotsOf, stampsOf, type FlySecret } from "./fly-configuration.ts";
import { checkHost, isHostAway, nameOf } from "./fly-host.ts";
import { awaitServing, GONE, isServing, updateMachine } from "./fly-machine.ts";
import { inTime, LATE } from "./in-time.ts";
import { asObject, listAt, textAt, type Json } from "./json.ts";
import { originProbe, PEEK_TIMEOUT_MS } from "./origin-probe.ts";
import type { InstanceView, OriginLook, OriginTarget } from "./types.ts";

type FlyOrigin = Extract<Origin, { kind: "fly" }>;

/** Unit: milliseconds. */
const PROBE_TIMEOUT_MS = 60_000;
/** A joining origin may be unable to start before it has a secret: not answering is an answer. */
const JOINING_TIMEOUT_MS = 10_000;
/** States of a Machine whose new version is about to run, and how long it is waited for. */
const COMING: ReadonlySet<string> = new Set(["replacing", "starting", "stopping", "restarting"]);
const COMING_TIMEOUT_MS = 30_000;
/** So long is waited for a platform that shows another version than the one that answers. */
const BEHIND_TIMEOUT_MS = 10_000;
/** So old may a list of Machines be. Unit: milliseconds. */
const LIST_TRUST_MS = 5000;

/** One Fly origin. */
export function flyOrigin(context: Context, api: Api, origin: FlyOrigin): OriginTarget {
  const base = `/v1/apps/${encodeURIComponent(origin.app)}`;
  const joining = origin.state === "joining";
  const ask = originProbe(context, origin);
  let version: number | null = null;
  /** The Machines as the outlook of the next rollout showed them. */
  let seen: { readonly at: number; readonly list: readonly Json[] } | null = null;

  const secrets = async (): Promise<ReadonlyMap<string, FlySecret>> => {
    const since = version === null ? "" : `?min_version=${version}`;
    const answer = await api.get(`${base}/secrets${since}`, { accept: [404] });
    if (answer.status === 404) return new Map();
    return new Map(
      listAt(answer.json, "secrets", "Fly's list of secrets").map((secret) => [
        textAt(secret, "name", "a Fly secret"),
        {
          digest: textAt(secret, "digest", "a Fly secret"),
          updatedAt: Date.parse(typeof secret["updated_at"] === "string" ? secret["updated_at"] : ""),
        },
      ]),
    );
  };
  const machineOf = async (id: string): Promise<Json | null> => {
    const { status, json } = await api.get(`${base}/machines/${id}`, { accept: [404] });
    return status === 404 ? null : asObject(json, "a Fly Machine");
  };
  const machines = async (): Promise<readonly Json[]> => {
    const { json } = await api.get(`${base}/machines`);
    if (!Array.isArray(json))
      throw new McpistError("ERR_VENDOR", "Fly's list of Machines is not a list", {
        hint: HINTS.vendorFault("Fly.io"),
      });
    // A list may be behind; what one of them is, it is asked itself.
    const ids = json.filter(isRecord).map((machine) => textAt(machine, "id", "a Fly Machine"));
    const asked = await Promise.all(ids.map(machineOf));
    return asked
      .filter((machine) => machine !== null)
      .filter((machine) => !GONE.has(textAt(machine, "state", "a Fly Machine")));
  };

  /**
   * Addresses one Machine by id, which also wakes it.
   * @returns the Machine as it is by then, and what it says; null = nothing.
   */
  const view = async (
    listed: Json,
    withinMs: number,
  ): Promise<{ readonly machine: Json; readonly seen: InstanceView | null }> => {
    let machine = listed;
    const id = textAt(machine, "id", "a Fly Machine");
    const away = isHostAway(machine);
    const began = context.monotonic();
    const deadline = began + Math.min(withinMs, joining || away ? JOINING_TIMEOUT_MS : PROBE_TIMEOUT_MS);
    // What is being replaced may answer a last time; without the new one nothing is known of the configuration.
    const isComing = COMING.has(String(machine["state"]));
    const comesBy = began + Math.min(withinMs, isComing ? COMING_TIMEOUT_MS : BEHIND_TIMEOUT_MS);
    for (;;) {
      const answer = await ask({ [FLY_FORCE_INSTANCE_HEADER]: id }, withinMs);
      const seen = answer?.instanceId === id ? answer : null;
      const isNewest = () => seen?.deployment === textAt(machine, "instance_id", "a Fly Machine");
      // Somebody deploys while it is asked, or what was read is behind.
      if (seen && !isNewest()) machine = (await machineOf(id)) ?? machine;
      if (seen && (isNewest() || context.monotonic() >= comesBy)) {
        const own: InstanceView = {
          id,
          rollout: seen.deployment,
          newest: isNewest(),
          awake: machine["state"] === "started",
          kids: seen.kids,
          lastAccepted: seen.lastAccepted,
          ...(seen.marks ? { marks: seen.marks } : {}),
          ...(seen.peers ? { peers: seen.peers } : {}),
        };
        return { machine, seen: own };
      }
      if (context.monotonic() >= deadline) return { machine, seen: null };
      await context.sleep(pauseMs(context.monotonic() - began));
    }
  };

  return {
    name: origin.name,
    kind: "fly",
    state: origin.state,
    store: `fly/${origin.app}`,
    async names() {
      const names = await secrets();
      return {
        slots: (["a", "b"] as const).filter((slot) => names.has(SLOT_VARIABLES[slot])),
        legacy: names.has(LEGACY_VARIABLE),
      };
    },
    async write(values, guard) {
      const named = Object.fromEntries(
        (["a", "b"] as const).flatMap((slot) =>
          values[slot] === undefined ? [] : [[SLOT_VARIABLES[slot], values[slot]]],
        ),
      );
      await guard();
      version = await putFlySecrets(api, origin.app, named);
    },
    async put(name, value, mark, guard) {
      await guard();
      version = await putFlySecrets(api, origin.app, { [name]: value });
      await guard();
      version = await putFlySecrets(api, origin.app, { [markVariable(name)]: mark });
      const stamp = (await secrets()).get(name)?.digest;
      if (stamp !== undefined) return stamp;
      throw new McpistError("ERR_VENDOR", `Fly.io took ${name} for ${origin.app} and does not list it`, {
        hint: HINTS.again(),
      });
    },
    async deployed() {
      return (await machines()).length > 0;
    },
    async roll(speed, guard) {
      // Each of them is read again under its lease; this only says which there are.
      const fresh = seen && context.monotonic() - seen.at < LIST_TRUST_MS ? seen.list : machines();
      seen = null;
      const [list, known] = await Promise.all([fresh, secrets()]);
      // In an emergency the others are replaced all the same.
      if (speed === "rolling") for (const machine of list) checkHost(origin.app, machine);
      const place = { context, api, app: origin.app, name: origin.name, version, hurried: speed === "now" };
      if (speed === "now") {
        // All are tried, whatever becomes of one.
        const ends = await Promise.allSettled(
          list.map(async (machine) => {
            checkHost(origin.app, machine);
            await updateMachine(place, machine, digestsOf(known), guard);
          }),
        );
        const failed = ends.find((end) => end.status === "rejected");
        if (failed) throw failed.reason;
        return;
      }
      // One that was replaced may fail a moment later: no other one goes while it does. Who serves nobody goes first.
      const back: string[] = [];
      const order = list.toSorted((one, other) => Number(isServing(one)) - Number(isServing(other)));
      await several(order, awayAtOnce(list.length), async (machine) => {
        const since = context.monotonic();
        await context.waits.during(`${origin.name}: Machines that were replaced to pass their checks`, () =>
          Promise.all(back.map((id) => awaitServing(place, id, since))),
        );
        const runs = await updateMachine(place, machine, digestsOf(known), guard);
        if (runs) back.push(textAt(machine, "id", "a Fly Machine"));
      });
    },
    async outlook() {
      const list = await machines();
      seen = { at: context.monotonic(), list };
      const serving = list.filter(isServing);
      const lacking = list.filter(({ config }) => isRecord(config) && config["stop_config"] === undefined);
      return { alone: serving.length === 1, short: lacking.map((machine) => textAt(machine, "id", "a Fly Machine")) };
    },
    async peek() {
      return (await ask({}, PEEK_TIMEOUT_MS))?.kids ?? null;
    },
    async look({ withinMs = Number.POSITIVE_INFINITY } = {}): Promise<OriginLook> {
      return inTime(withinMs, lookAt(withinMs / 2), LATE);
    },
  };

  async function lookAt(withinMs: number): Promise<OriginLook> {
    const [listed, known] = await Promise.all([machines(), secrets()]);
    if (listed.length === 0) return { ok: true, instances: [], config: null, stamps: stampsOf(known) };
    const views = await context.waits.during(`${origin.name}: its Machines to answer`, () =>
      Promise.all(listed.map((machine) => view(machine, withinMs))),
    );
    const list = views.map(({ machine }) => machine);
    const silence = views.filter(({ seen: own }) => own === null).map(({ machine }) => machine);
    const silent = silence.map((machine) => textAt(machine, "id", "a Fly Machine"));
    if (silent.length > 0 && !joining)
      return {
        ok: false,
        reason: silence.map((machine) => `${nameOf(machine)} does not answer`).join(", "),
        stamps: stampsOf(known),
      };
    const instances = views.map(({ seen: own }) => own).filter((own) => own !== null);
    const config = configOf(list, instances, known, digestsOf(known));
    const slots = slotsOf(list, instances, known);
    const stamps = stampsOf(known);
    return { ok: true, instances, config, slots, stamps, ...(silent.length > 0 ? { silent } : {}) };
  }
}

/** How many Machines are replaced at the same time: a third, so that the others carry the traffic and time grows slowly. */
const awayAtOnce = (machines: number): number => Math.max(1, Math.ceil(machines / 3));

/** Does `work` for all, at most `limit` at the same time. After a failure nothing new begins; what began is waited for. */
async function several<T>(all: readonly T[], limit: number, work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const workers = Array.from({ length: limit }, async () => {
    try {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
    } catch (error) {
      left.length = 0;
      throw error;
    }
  });
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

/**
 * One Fly Machine is updated, so that it boots from the app's secrets as they are now. Under its lease, from its configuration as it
 * is under the lease, and only if nobody changed it in between: whatever else is in it stays as it is.
 */
import { isDeepStrictEqual } from "node:util";
import { FLY_STOP } from "../../contract/origin-drain.ts";
import { isRecord } from "../../contract/json.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Api } from "../http.ts";
import { asObject, textAt, type Json } from "./json.ts";
import { pauseMs } from "../waits.ts";
import type { Guard } from "./types.ts";

/** Machine metadata: digests of both slots at the update that booted it, so that a later run can tell what its configuration is. */
export const MARK = "mcpist_slots";
/** A Machine in one of these states never boots again. */
export const GONE: ReadonlySet<string> = new Set(["destroyed", "destroying"]);
const RUNS: ReadonlySet<string> = new Set(["started", "starting", "replacing"]);

const NONCE_HEADER = "fly-machine-lease-nonce";
/** Long enough for one update call; a killed run leaves its leases behind, and the next run has to wait for them. Unit: seconds. */
const LEASE_TTL_SECONDS = 60;
/** By this a lease is known as one of this tool. */
const LEASE_DESCRIPTION = "mcpist secrets rotate";
/** Longer than a usual deploy, and in an emergency no longer than the deploy of somebody who can repeat it. Unit: milliseconds. */
const LEASE_TIMEOUT_MS = 5 * 60_000;
const LEASE_HURRY_MS = 10_000;
const LEASE_POLL_MS = 2000;
/** Not everybody asks for a lease; whoever keeps changing a Machine is not outrun. */
const TRIES = 5;
const WAIT_SECONDS = 60;
/** Unit: milliseconds. */
const BOOT_TIMEOUT_MS = 5 * 60_000;

/** Where the Machine is. */
export interface MachinePlace {
  readonly context: Context;
  readonly api: Api;
  readonly app: string;
  /** Name of the origin, for progress. */
  readonly name: string;
  /** Version of the app's secrets that it has to wait for; null = none was written by this run. */
  readonly version: number | null;
  /** An emergency: a lease that is not given back soon is taken. */
  readonly hurried?: boolean;
}

const pathOf = ({ app }: MachinePlace, id: string): string =>
  `/v1/apps/${encodeURIComponent(app)}/machines/${encodeURIComponent(id)}`;

/**
 * Updates `machine` and waits until it runs again, if it ran. A Machine that is destroyed meanwhile needs no update.
 * @param digests what {@link MARK} says afterwards. @returns true when it runs again.
 * @throws {McpistError} ERR_TIMEOUT when its lease is not given back or it does not start; ERR_MISMATCH when somebody keeps changing it.
 */
export async function updateMachine(
  place: MachinePlace,
  machine: Json,
  digests: string,
  guard: Guard,
): Promise<boolean> {
  const id = textAt(machine, "id", "a Fly Machine");
  const nonce = await lease(place, id, guard);
  if (nonce === null) return false;
  const headers = { [NONCE_HEADER]: nonce };
  let made: string | null;
  try {
    made = await change(place, id, headers, digests, guard);
  } finally {
    // It runs out by itself when this call is lost.
    await place.api
      .call("DELETE", `${pathOf(place, id)}/lease`, { headers, accept: [404, 409], evenIfInterrupted: true })
      .catch(() => undefined);
  }
  if (made !== null)
    await place.context.waits.during(`${place.name}: Machine ${id} to boot`, () => awaitStarted(place, id, made));
  return made !== null;
}

/** @returns the version to wait for; null when the Machine does not run, or is gone. */
async function change(
  place: MachinePlace,
  id: string,
  headers: Readonly<Record<string, string>>,
  digests: string,
  guard: Guard,
): Promise<string | null> {
  const { api, version, app } = place;
  let sent: unknown;
  for (let tries = 0; tries < TRIES; tries++) {
    const { status, json } = await api.get(pathOf(place, id), { accept: [404] });
    if (status === 404) return null;
    const state = textAt(json, "state", "a Fly Machine");
    if (GONE.has(state)) return null;
    const now = asObject(json, "a Fly Machine");
    const instance = textAt(now, "instance_id", "a Fly Machine");
    const config = asObject(now["config"], "a Machine's config");
    // The update was made, and only its answer was lost: what looks like somebody else's change is this one.
    if (sent !== undefined && isDeepStrictEqual(config, sent)) return RUNS.has(state) ? instance : null;
    const metadata = isRecord(config["metadata"]) ? config["metadata"] : {};
    // The Terraform provider has no argument for it.
    sent = { ...config, stop_config: config["stop_config"] ?? FLY_STOP, metadata: { ...metadata, [MARK]: digests } };
    await guard();
    const answer = await api.call("POST", pathOf(place, id), {
      headers,
      repeatable: true,
      accept: [412],
      body: {
        config: sent,
        region: now["region"],
        current_version: instance,
        ...(version === null ? {} : { min_secrets_version: version }),
        // What is stopped or suspended stays away, and boots from the new configuration when it is wanted.
        ...(RUNS.has(state) ? {} : { skip_launch: true }),
      },
    });
    if (answer.status === 412) continue;
    return RUNS.has(state) ? textAt(answer.json, "instance_id", "an updated Fly Machine") : null;
  }
  throw new McpistError("ERR_MISMATCH", `somebody else keeps changing Fly Machine ${id} of ${app}`, {
    hint: HINTS.flyDeploy(),
  });
}

/**
 * A lease is a real lock. Whoever holds the journal's lock is the only one of this tool that may write, so a lease of this tool belongs
 * to a run that is dead or was overtaken: it is given back in its name, and what that run still sends to the Machine is refused. The
 * lease of a deploy is waited for. @returns null when the Machine is gone.
 */
async function lease(place: MachinePlace, id: string, guard: Guard): Promise<string | null> {
  const { context, api, app, hurried = false } = place;
  const began = context.monotonic();
  for (;;) {
    await guard();
    const answer = await api.call("POST", `${pathOf(place, id)}/lease?ttl=${LEASE_TTL_SECONDS}`, {
      body: { ttl: LEASE_TTL_SECONDS, description: LEASE_DESCRIPTION },
      accept: [404, 409],
      // Taken twice, it is this tool's own, and given back like any other of those.
      repeatable: true,
    });
    if (answer.status === 404) return null;
    if (answer.status !== 409) return textAt(asObject(answer.json, "Fly's answer")["data"], "nonce", "a Machine lease");
    const waited = context.monotonic() - began;
    if (await takeBack(place, id, guard, hurried && waited > LEASE_HURRY_MS)) continue;
    if (waited > LEASE_TIMEOUT_MS) {
      throw new McpistError("ERR_TIMEOUT", `somebody else holds the lease of Fly Machine ${id} of ${app}`, {
        hint: HINTS.flyLease(id, app),
      });
    }
    await context.waits.during(`${place.name}: somebody else to give back the lease of Machine ${id}`, () =>
      context.sleep(LEASE_POLL_MS),
    );
  }
}

/** Gives back a lease in the name of its holder: one of this tool, or, with `anybodys`, any. @returns true when it is free now. */
async function takeBack(place: MachinePlace, id: string, guard: Guard, anybodys: boolean): Promise<boolean> {
  const { status, json } = await place.api.get(`${pathOf(place, id)}/lease`, { accept: [404] });
  if (status === 404) return true;
  const data = asObject(asObject(json, "Fly's answer")["data"], "a Machine lease");
  const { nonce } = data;
  if (typeof nonce !== "string" || !(anybodys || data["description"] === LEASE_DESCRIPTION)) return false;
  await guard();
  const headers = { [NONCE_HEADER]: nonce };
  const answer = await place.api.call("DELETE", `${pathOf(place, id)}/lease`, { headers, accept: [404, 409] });
  return answer.status !== 409;
}

/** Waits until version `instance` has started, and serves. */
async function awaitStarted(place: MachinePlace, id: string, instance: string): Promise<void> {
  const { context, api } = place;
  const began = context.monotonic();
  for (;;) {
    const query = `instance_id=${instance}&version=${instance}&state=started&timeout=${WAIT_SECONDS}`;
    const answer = await api.get(`${pathOf(place, id)}/wait?${query}`, {
      accept: [404, 408],
      serverMs: WAIT_SECONDS * 1000,
    });
    if (answer.status === 404) return;
    if (answer.status === 200) break;
    // Somebody replaced that version: a newer one booted from the same secrets, or from newer ones.
    const { status, json } = await api.get(pathOf(place, id), { accept: [404] });
    if (status === 404 || GONE.has(textAt(json, "state", "a Fly Machine"))) return;
    if (textAt(json, "instance_id", "a Fly Machine") !== instance) return;
    if (context.monotonic() - began > BOOT_TIMEOUT_MS) throw slow(place, id, "did not start");
  }
  await awaitServing(place, id, began);
}

const slow = ({ app }: MachinePlace, id: string, what: string): McpistError =>
  new McpistError("ERR_TIMEOUT", `Fly Machine ${id} of ${app} ${what} within ${BOOT_TIMEOUT_MS / 60_000} min`, {
    hint: HINTS.flyMachine(id, app),
  });

/** Its process has ended, and nothing is about to start it. */
const DOWN: ReadonlySet<string> = new Set(["stopped", "suspended", "failed"]);
/** Between the end of a process and its restart. Unit: milliseconds. */
const DOWN_MS = 15_000;

/** No check of it fails. What has none is believed. */
const passes = ({ checks }: Json): boolean =>
  !Array.isArray(checks) || checks.every((check) => isRecord(check) && check["status"] === "passing");

/** It answers requests, or will in a moment. */
export const isServing = (machine: Json): boolean =>
  machine["state"] === "starting" || (machine["state"] === "started" && passes(machine));

/** Fly itself puts it to sleep when nobody asks for it, and wakes it for a request. */
function sleepsByItself({ config }: Json): boolean {
  const services = isRecord(config) && Array.isArray(config["services"]) ? config["services"].filter(isRecord) : [];
  return services.some(({ autostop }) => autostop !== undefined && autostop !== false && autostop !== "off");
}

/**
 * Waits until a Machine that has started passes its checks: it may end, or fail, a moment after it was called started.
 * @param began own monotonic time from which its time is counted. @throws {McpistError} ERR_TIMEOUT.
 */
export async function awaitServing(place: MachinePlace, id: string, began: number): Promise<void> {
  const { context, api, app } = place;
  let downSince: number | null = null;
  for (;;) {
    const { status, json } = await api.get(pathOf(place, id), { accept: [404] });
    if (status === 404) return;
    const machine = asObject(json, "a Fly Machine");
    const state = textAt(machine, "state", "a Fly Machine");
    if (GONE.has(state) || (state === "started" && passes(machine))) return;
    const now = context.monotonic();
    downSince = DOWN.has(state) ? (downSince ?? now) : null;
    if (downSince !== null && sleepsByItself(machine)) return;
    if (downSince !== null && now - downSince > DOWN_MS)
      throw new McpistError("ERR_TIMEOUT", `Fly Machine ${id} of ${app} started and is ${state} again`, {
        hint: HINTS.flyMachine(id, app),
      });
    if (now - began > BOOT_TIMEOUT_MS) throw slow(place, id, "fails its checks");
    await context.sleep(pauseMs(now - began));
  }
}

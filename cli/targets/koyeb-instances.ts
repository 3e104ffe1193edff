/** The instances of a Koyeb service, and what each of them says of itself. */
import type { Context } from "../context.ts";
import type { Api } from "../http.ts";
import { pauseMs } from "../waits.ts";
import { textAt, type Json } from "./json.ts";
import { allOf, type KoyebOrigin } from "./koyeb-api.ts";
import type { OriginProbe } from "./origin-probe.ts";
import type { InstanceView } from "./types.ts";

/** Unit: milliseconds. */
const SETTLE_TIMEOUT_MS = 120_000;
/** A new deployment gets its first instance within this time. */
const COMING_TIMEOUT_MS = 30_000;
/** A joining origin may be unable to start before it has a secret: not answering is an answer. */
const JOINING_TIMEOUT_MS = 10_000;

/** Instances that still run or will run; STOPPED and ERROR ones never answer again. */
const PRESENT = ["ALLOCATING", "STARTING", "HEALTHY", "UNHEALTHY", "STOPPING", "SLEEPING"] as const;
const STATUSES = PRESENT.map((status) => `&statuses=${status}`).join("");

/** Those that still run or will run. @param query of one service or one deployment. @throws as {@link allOf}. */
export const presentInstances = (api: Api, query: string): Promise<readonly Json[]> =>
  allOf(api, `/v1/instances?${query}${STATUSES}`, "instances");

/** The instances of a service. */
export interface Listed {
  readonly list: () => Promise<readonly Json[]>;
  /** Those of the newest deployment. */
  readonly listNewest: () => Promise<readonly Json[]>;
  readonly ask: OriginProbe;
  /** That deployment has one, or will have one soon. */
  readonly isComing: boolean;
  /** Longest wait. Unit: milliseconds. */
  readonly withinMs: number;
}

/**
 * Repeats the request until every listed instance has answered. An instance cannot be addressed on Koyeb. A deployment that was made a
 * moment ago has no instance yet, and without one nothing is known of the configuration: it is waited for.
 */
export async function observeInstances(
  context: Context,
  origin: KoyebOrigin,
  { list, listNewest, ask, isComing, withinMs }: Listed,
): Promise<{ readonly views: readonly InstanceView[]; readonly silent: readonly string[]; readonly reason?: string }> {
  const began = context.monotonic();
  const deadline = began + Math.min(withinMs, origin.state === "joining" ? JOINING_TIMEOUT_MS : SETTLE_TIMEOUT_MS);
  const comesBy = began + (isComing ? Math.min(withinMs, COMING_TIMEOUT_MS) : 0);
  for (;;) {
    const listed = await list();
    const newest = new Set((await listNewest()).map((instance) => instance["id"]));
    const missing = new Set(listed.map((instance) => textAt(instance, "id", "a Koyeb instance")));
    const views: InstanceView[] = [];
    const strangers = new Map<string, InstanceView>();
    for (let tries = 0; missing.size > 0 && tries < 12 * listed.length; tries++) {
      const seen = await ask({}, withinMs);
      if (!seen) break;
      const place = listed.find((instance) => instance["id"] === seen.instanceId);
      if (place && !missing.delete(seen.instanceId)) continue;
      const view = {
        id: seen.instanceId,
        rollout: seen.deployment,
        newest: newest.has(seen.instanceId),
        awake: place?.["status"] !== "SLEEPING",
        kids: seen.kids,
        lastAccepted: seen.lastAccepted,
        ...(seen.marks ? { marks: seen.marks } : {}),
        ...(seen.peers ? { peers: seen.peers } : {}),
      };
      if (place) views.push(view);
      else strangers.set(view.id, view);
    }
    // Whoever answers, serves, whatever the platform says of it. One that has only just come is on the next list.
    if (strangers.size > 0) {
      const now = new Set((await list()).map(({ id }) => id));
      if (context.monotonic() < deadline && [...strangers.keys()].some((id) => now.has(id))) continue;
      views.push(...strangers.values());
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

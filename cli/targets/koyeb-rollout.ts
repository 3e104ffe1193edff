/**
 * New deployments of a Koyeb service. An ordinary one is made from what the platform has saved; only an emergency sends a
 * definition, the newest one with another strategy, and takes that back. Koyeb has no compare for a definition, so the list of
 * deployments is read after each write: what somebody deployed in between is deployed again.
 */
import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../../contract/json.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Api } from "../http.ts";
import { asObject, listAt, textAt, type Json } from "./json.ts";
import type { Guard, RolloutSpeed } from "./types.ts";

/** Old instances end before the new ones serve. */
const IMMEDIATE = "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE";
/** Whoever keeps deploying is not outrun. */
const TRIES = 5;
const PAGE = 100;
/** More deployments than a service has since an emergency: a list that never ends must not keep anybody. */
const MAX_PAGES = 100;
/** A list that lags shows a new deployment within seconds. Unit: milliseconds. */
const LIST_LOOKS = 20;
const LIST_POLL_MS = 500;

/** The newest deployment, as far as its successor depends on it. */
interface Deployed {
  readonly id: string;
  readonly definition: Json;
}

/** Where the service is. */
export interface ServicePlace {
  readonly context: Pick<Context, "sleep" | "waits">;
  readonly api: Api;
  /** Id of the service. */
  readonly service: string;
}

const deployedOf = (deployment: Json): Deployed => ({
  id: textAt(deployment, "id", "a Koyeb deployment"),
  definition: asObject(deployment["definition"], "a Koyeb deployment's definition"),
});

const strategyOf = ({ definition }: Deployed): string | null => {
  const { strategy } = definition;
  return isRecord(strategy) && typeof strategy["type"] === "string" ? strategy["type"] : null;
};

/** One page of a service's deployments, newest first. */
async function page({ api, service }: ServicePlace, limit: number, offset: number): Promise<readonly Deployed[]> {
  const { json } = await api.get(`/v1/deployments?service_id=${service}&limit=${limit}&offset=${offset}`);
  return listAt(json, "deployments", "Koyeb's list of deployments").map(deployedOf);
}

/** By its id: a list may be behind. */
async function newestOf({ api, service }: ServicePlace): Promise<Deployed> {
  const { json } = await api.get(`/v1/services/${service}`);
  const state = asObject(asObject(json, "Koyeb's answer")["service"], "a Koyeb service");
  const id = textAt(state, "latest_deployment_id", "a Koyeb service");
  const answer = await api.get(`/v1/deployments/${id}`);
  return deployedOf(asObject(asObject(answer.json, "Koyeb's answer")["deployment"], "a Koyeb deployment"));
}

/**
 * The deployment that was somebody else's newest one when `made` was made.
 * @param own ids of this run's deployments, `made` among them. @returns null when there is none, or the list does not show it.
 */
async function beforeOf(place: ServicePlace, made: string, own: ReadonlySet<string>): Promise<Deployed | null> {
  for (let looks = 0; looks < LIST_LOOKS; looks++) {
    const listed = await page(place, PAGE, 0);
    const mine = listed.findIndex(({ id }) => id === made);
    const { definition } = listed[mine] ?? {};
    // A call that was repeated deploys twice: what is the same as mine is mine.
    const before = listed
      .slice(mine + 1)
      .find((other) => !own.has(other.id) && !isDeepStrictEqual(other.definition, definition));
    if (mine !== -1) return before ?? null;
    await place.context.waits.during(`Koyeb: its list to show deployment ${made}`, () =>
      place.context.sleep(LIST_POLL_MS),
    );
  }
  return null;
}

/** The definition with the strategy that it had before somebody was in a hurry; null when it never had another one. */
async function unhurried(place: ServicePlace, newest: Deployed): Promise<Json | null> {
  for (let [offset, pages] = [0, 0]; pages < MAX_PAGES; pages++) {
    const found = await page(place, PAGE, offset);
    const before = found.find((deployment) => strategyOf(deployment) !== IMMEDIATE);
    if (before) {
      const { strategy: _, ...rest } = newest.definition;
      return before.definition["strategy"] === undefined ? rest : { ...rest, strategy: before.definition["strategy"] };
    }
    if (found.length === 0) return null;
    offset += found.length;
  }
  throw new McpistError("ERR_VENDOR", "Koyeb's list of deployments does not end", {
    hint: HINTS.vendorFault("Koyeb"),
  });
}

/** Deploys `change` of the newest definition; again from what somebody deployed between the look and the write. @returns its id. */
async function deployChanged(
  place: ServicePlace,
  guard: Guard,
  change: (newest: Deployed) => Promise<Json>,
): Promise<string> {
  const { api, service } = place;
  const own = new Set<string>();
  let from = await newestOf(place);
  for (let tries = 0; tries < TRIES; tries++) {
    const definition = await change(from);
    await guard();
    const { json } = await api.call("PATCH", `/v1/services/${service}`, { body: { definition, skip_build: true } });
    const state = asObject(asObject(json, "Koyeb's answer")["service"], "a Koyeb service");
    const made = textAt(state, "latest_deployment_id", "a Koyeb service");
    own.add(made);
    const before = await beforeOf(place, made, own);
    if (before === null || before.id === from.id || isDeepStrictEqual(before.definition, from.definition)) return made;
    from = before;
  }
  throw new McpistError("ERR_MISMATCH", "somebody else keeps deploying the Koyeb service", {
    hint: HINTS.koyebDeploy(),
  });
}

const hurried = async ({ definition }: Deployed): Promise<Json> => ({ ...definition, strategy: { type: IMMEDIATE } });

/**
 * Makes the service deploy once more, without a build.
 * @param speed `now`: old instances end first, and {@link calmDown} takes that back. `rolling`: never with an IMMEDIATE that an
 *   emergency left; a service that was never deployed with another strategy keeps its own.
 * @returns the new deployment's id.
 */
export async function redeploy(place: ServicePlace, speed: RolloutSpeed, guard: Guard): Promise<string> {
  if (speed === "now") return deployChanged(place, guard, hurried);
  if (strategyOf(await newestOf(place)) === IMMEDIATE) {
    const calm = await calmDown(place, guard);
    if (calm !== null) return calm;
  }
  await guard();
  const { json } = await place.api.call("POST", `/v1/services/${place.service}/redeploy`, {
    body: { skip_build: true },
    // Made twice, the second one overtakes the first.
    repeatable: true,
  });
  const made = asObject(asObject(json, "Koyeb's answer")["deployment"], "a Koyeb deployment");
  const id = textAt(made, "id", "a Koyeb deployment");
  // What is saved need not be what was deployed last: an older version of this tool saved IMMEDIATE for later.
  const definition = isRecord(made["definition"]) ? made["definition"] : {};
  return strategyOf({ id, definition }) === IMMEDIATE ? ((await calmDown(place, guard)) ?? id) : id;
}

/** Deploys the newest definition with the strategy that it had before an emergency. @returns null when there is nothing to do. */
export async function calmDown(place: ServicePlace, guard: Guard): Promise<string | null> {
  const newest = await newestOf(place);
  if (strategyOf(newest) !== IMMEDIATE || (await unhurried(place, newest)) === null) return null;
  return deployChanged(place, guard, async (from) => (await unhurried(place, from)) ?? from.definition);
}

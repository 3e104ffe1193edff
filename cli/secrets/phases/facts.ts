/** What the rows of the phases ask of one observation, each thing in one place. Pure. */
import { acceptedKids, slotOf } from "../../../contract/slots.ts";
import type { SlotName } from "../../../contract/gateway-secret.ts";
import type { WorkerVersion } from "../../targets/types.ts";
import {
  acceptedEverywhere,
  holdersOf,
  kidOfVersion,
  latestVersion,
  liveVersion,
  sentKids,
  type Holder,
  type Observation,
  type SeenOrigin,
} from "../observation.ts";
import type { Phase } from "../phase.ts";

/** What every row may ask. */
export interface Facts {
  readonly observation: Observation;
  readonly pool: readonly SeenOrigin[];
  readonly joining: readonly SeenOrigin[];
  /** The version with the larger share; null before the first deployment. */
  readonly sender: WorkerVersion | null;
  /** Kid that it sends; null = none that is known. */
  readonly live: string | null;
  /** Kid of the latest upload. */
  readonly latestKid: string | null;
  /** Kids that some running Worker code may send. */
  readonly sent: readonly string[];
  /** The phase of what is to be expected after a repair. */
  readonly phaseOf: (observation: Observation) => Phase;
}

/** A place that holds the live secret. */
export interface Place {
  readonly party: string;
  readonly target: string;
  readonly slot: SlotName | null;
}

/** What the rows may ask where it is known what the Worker sends. */
export interface SendingFacts extends Facts {
  readonly live: string;
  readonly sender: WorkerVersion;
  /** The pool, and who joins and accepts the live secret already: what another one still accepts says nothing about production. */
  readonly counted: readonly SeenOrigin[];
  readonly holders: readonly Holder[];
  /** Where each of those holds the live secret. */
  readonly places: readonly Place[];
  /** True when every instance and configuration of the pool accepts a kid and GitHub holds it. */
  readonly isComplete: (kid: string) => boolean;
}

/** @param phaseOf see {@link Facts.phaseOf} */
export function factsOf(observation: Observation, phaseOf: Facts["phaseOf"]): Facts | SendingFacts {
  const { worker, origins, vault } = observation;
  const pool = origins.filter(({ state }) => state === "pool");
  const joining = origins.filter(({ state }) => state === "joining");
  const sender = liveVersion(worker);
  const live = sender ? kidOfVersion(worker, sender.id) : null;
  const latest = latestVersion(worker);
  const latestKid = latest ? kidOfVersion(worker, latest.id) : null;
  const facts = { observation, pool, joining, sender, live, latestKid, sent: sentKids(worker), phaseOf };
  if (sender === null || live === null) return facts;
  const counted = [...pool, ...joining.filter((origin) => acceptedEverywhere([origin], live))];
  return {
    ...facts,
    counted,
    holders: counted.flatMap(holdersOf),
    places: counted.flatMap((origin) =>
      holdersOf(origin).map(({ party, kids }) => ({ party, target: origin.name, slot: slotOf(kids, live) })),
    ),
    isComplete: (kid: string) => acceptedEverywhere(pool, kid) && slotOf(vault, kid) !== null,
  };
}

/** True where it is known what the Worker sends. */
export const isSending = (facts: Facts | SendingFacts): facts is SendingFacts => "counted" in facts;

/** Holders of one of `kids`. */
export const partiesWith = (holders: readonly Holder[], kids: readonly string[]): readonly string[] =>
  holders.filter((holder) => acceptedKids(holder.kids).some((kid) => kids.includes(kid))).map(({ party }) => party);

/** Each text once. */
export const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

/** The same observation with one version alone at 100 %. */
export function alone(observation: Observation, versionId: string): Observation {
  const shares = [{ versionId, percentage: 100 }];
  return { ...observation, worker: { ...observation.worker, deployment: shares, lost: null } };
}

/** The same observation with one version more, or another in its place. */
export function withVersion(observation: Observation, version: Observation["worker"]["versions"][number]): Observation {
  const rest = observation.worker.versions.filter(({ id }) => id !== version.id);
  const versions = [...rest, version].toSorted((a, b) => b.number - a.number);
  return { ...observation, worker: { ...observation.worker, versions } };
}

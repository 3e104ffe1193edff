/** What one look at everything gave, and what can be read off it. Pure: no clock, no journal store, no platform. */
import type { SlotName } from "../../contract/gateway-secret.ts";
import { acceptedKids, slotOf, type KidsReport } from "../../contract/slots.ts";
import type { JournalState } from "./journal-entry.ts";
import type { Deployment, OriginLook, VaultSlots, WorkerLook, WorkerVersion } from "../targets/types.ts";

/** Everything the phase depends on. */
export interface Observation {
  readonly names: {
    /** Targets at which a slot or GATEWAY_SECRET exists by the vendors' own lists. */
    readonly present: readonly string[];
  };
  readonly worker: WorkerLook & {
    /** Why the Worker could not be observed; null when it could. */
    readonly blind: string | null;
    /** A deployment of somebody else that a write of this tool replaced unseen; null = none. */
    readonly lost: Deployment | null;
  };
  readonly origins: readonly {
    readonly name: string;
    readonly state: "pool" | "joining" | "quarantined";
    readonly look: OriginLook;
  }[];
  readonly vault: VaultSlots;
  readonly journal: {
    /** Kids that were retired and must never be accepted again. */
    readonly dead: readonly string[];
    /** The last retired kid has a recorded proof (or nothing was ever retired). */
    readonly proven: boolean;
    /** Candidates given up with --clean. */
    readonly abandoned: readonly string[];
    /** A rotation is under way by the run that asks, or by a living holder of the lock. */
    readonly running: boolean;
    /** Age of the candidate that the journal names. Unit: milliseconds; null = unknown. */
    readonly candidateAgeMs: number | null;
    /** --init began and did not finish. */
    readonly initUnfinished: boolean;
    /** An emergency that began and has not proven its secret dead; null = none. */
    readonly emergency?: JournalState["emergency"];
    /** The kid that the journal has in use. Only a hint where several are accepted. */
    readonly live: string | null;
  };
  readonly evidence: {
    /** Version whose probes to every origin passed in this run. */
    readonly probedVersion: string | null;
    /** The kid that this run has seen drained. */
    readonly drainedKid: string | null;
  };
}

/** One origin as it was seen. */
export type SeenOrigin = Observation["origins"][number];
type SeenWorker = Observation["worker"];

/** A version by id, if it was looked at. */
export const versionById = (worker: Pick<SeenWorker, "versions">, id: string | undefined): WorkerVersion | null =>
  worker.versions.find((version) => version.id === id) ?? null;

/** Kid of a version: what it reports, else our annotation, else null (which never equals a kid). */
export function kidOfVersion(worker: Pick<SeenWorker, "versions" | "observed">, id: string): string | null {
  return worker.observed[id] ?? versionById(worker, id)?.annotatedKid ?? null;
}

/** The version that carries the larger share; the newer one of two equal shares. */
export function liveVersion(worker: Pick<SeenWorker, "versions" | "deployment">): WorkerVersion | null {
  const number = (id: string) => versionById(worker, id)?.number ?? 0;
  const [top] = [...worker.deployment].sort(
    (a, b) => b.percentage - a.percentage || number(b.versionId) - number(a.versionId),
  );
  return versionById(worker, top?.versionId);
}

/** The latest uploaded version. */
export const latestVersion = (worker: Pick<SeenWorker, "versions">): WorkerVersion | null => worker.versions[0] ?? null;

/** The newest version that mcpist made to carry `kid`. */
export const versionWith = (worker: Pick<SeenWorker, "versions">, kid: string | null): WorkerVersion | null =>
  worker.versions.find((version) => kid !== null && version.annotatedKid === kid) ?? null;

/**
 * The version that this one has its other secrets from, however often it was uploaded again: no call shows their values, so two versions
 * have the same ones only where they come from the same version. One that somebody else made is its own.
 * @param known what was found for versions by id: most are asked for twice by each one made after them.
 */
function ancestorOf(worker: Pick<SeenWorker, "versions">, version: WorkerVersion, known: Map<string, string>): string {
  const { madeOf, annotatedKid, id, number } = version;
  const by = (source: string) => {
    const found = versionById(worker, source);
    return found && found.number < number ? ancestorOf(worker, found, known) : source;
  };
  const find = () => {
    if (madeOf?.exact === true) return by(madeOf.id);
    if (madeOf === undefined && annotatedKid === null) return id;
    // The platform made it of the upload before it, whoever made that.
    const before = worker.versions.find((candidate) => candidate.number === number - 1);
    const taken = before ? by(before.id) : null;
    return madeOf === undefined || taken === null || taken === by(madeOf.id) ? (taken ?? madeOf?.id ?? id) : id;
  };
  const ancestor = known.get(id) ?? find();
  known.set(id, ancestor);
  return ancestor;
}

/**
 * True when both are known to differ in nothing but the gateway secret: the same code, settings and bindings, and other secrets of the
 * same version. What is not known is not the same.
 */
export const isAlike = (
  worker: Pick<SeenWorker, "versions">,
  one: WorkerVersion | null,
  other: WorkerVersion | null,
): boolean => {
  if (one === null || other === null || one.code === undefined || one.code !== other.code) return false;
  const known = new Map<string, string>();
  return ancestorOf(worker, one, known) === ancestorOf(worker, other, known);
};

/** Versions that get traffic. */
export const sharing = (worker: Pick<SeenWorker, "deployment">): SeenWorker["deployment"] =>
  worker.deployment.filter((share) => share.percentage > 0);

/** Kids that some running Worker code may send according to the deployment. */
export function sentKids(worker: SeenWorker): readonly string[] {
  const kids = sharing(worker).map((share) => kidOfVersion(worker, share.versionId));
  return [...new Set(kids.filter((kid): kid is string => kid !== null))];
}

/** A place that holds slots: an instance, a proven configuration, or GitHub. */
export interface Holder {
  readonly party: string;
  readonly kids: KidsReport;
}

/** Instances and proven configuration of an origin. */
export function holdersOf(origin: SeenOrigin): readonly Holder[] {
  if (!origin.look.ok) return [];
  const instances = origin.look.instances.map((instance) => ({
    party: `${origin.name} instance ${instance.id}`,
    kids: instance.kids,
  }));
  return origin.look.config
    ? [...instances, { party: `${origin.name} configuration`, kids: origin.look.config }]
    : instances;
}

/** The slot in which an instance holds `kid`; null where none does. The table's first rows rule out that it sits in two. */
export function slotAtOrigins(origins: Observation["origins"], kid: string): SlotName | null {
  for (const { look } of origins)
    for (const { kids } of look.ok ? look.instances : []) {
      const slot = slotOf(kids, kid);
      if (slot !== null) return slot;
    }
  return null;
}

/** What keeps an origin from accepting `kid` wherever it could be asked; nothing when it does. An unproven configuration accepts nothing. */
export function refusing(origin: SeenOrigin, kid: string): readonly string[] {
  if (!origin.look.ok) return [`${origin.name} (${origin.look.reason})`];
  if (origin.look.instances.length === 0) return [`${origin.name} (no instance)`];
  const parties = holdersOf(origin)
    .filter((holder) => !acceptedKids(holder.kids).includes(kid))
    .map((holder) => holder.party);
  return origin.look.config === null ? [...parties, `${origin.name} configuration`] : parties;
}

/** True when every instance and configuration of `origins` accepts `kid`. */
export const acceptedEverywhere = (origins: Observation["origins"], kid: string): boolean =>
  origins.every((origin) => refusing(origin, kid).length === 0);

/** True when some instance or configuration of the origin accepts `kid`. */
export const acceptsSomewhere = (origin: SeenOrigin, kid: string): boolean =>
  holdersOf(origin).some((holder) => acceptedKids(holder.kids).includes(kid));

/** True when the next cold start of the origin is known not to read `kid` from the slot in which its instances hold it. */
export function losesAtColdStart({ look }: SeenOrigin, kid: string): boolean {
  if (!look.ok || look.slots === undefined) return false;
  const { slots } = look;
  return look.instances.some(({ kids }) => {
    const slot = slotOf(kids, kid);
    return slot !== null && slots[slot] !== kid;
  });
}

/**
 * Phase of a rotation: a pure function of one observation, total and without memory. First matching row wins.
 * Nothing here knows a clock, a journal store or a platform; what time and probes told is part of the observation.
 */
import { isKid, type SlotName } from "../../contract/gateway-secret.ts";
import { acceptedKids, slotOf, type KidsReport } from "../../contract/observation.ts";
import type { OriginLook, VaultSlots, WorkerVersion } from "../targets/types.ts";

/** Everything the phase depends on. */
export interface Observation {
  readonly names: {
    /** Targets at which a slot or GATEWAY_SECRET exists by the vendors' own lists. */
    readonly present: readonly string[];
  };
  readonly worker: {
    readonly versions: readonly WorkerVersion[];
    readonly deployment: readonly { readonly versionId: string; readonly percentage: number }[];
    /** Kid by version id, as the version itself reports it. */
    readonly observed: Readonly<Record<string, string | null>>;
    /** Why the Worker could not be observed; null when it could. */
    readonly blind: string | null;
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
  };
  readonly evidence: {
    /** Version whose probes to every origin passed in this run. */
    readonly probedVersion: string | null;
    /** The kid that this run has seen drained. */
    readonly drainedKid: string | null;
  };
}

/** The seventeen rows of the table, in order. */
export type PhaseName =
  | "UNSET"
  | "BLIND"
  | "LEGACY"
  | "FORKED"
  | "RESURRECTED"
  | "MISALIGNED"
  | "SPLIT"
  | "LINGERING"
  | "DRAINED"
  | "RETIRING"
  | "ORPHAN"
  | "PROBED"
  | "UPLOADED"
  | "STAGED"
  | "STAGING"
  | "RETIRED"
  | "STEADY";

/** A phase with what its next action needs. */
export interface Phase {
  readonly name: PhaseName;
  /** Kid that the Worker sends (of the larger share in a split); null without one. */
  readonly live: string | null;
  /** The other kid that the row is about. */
  readonly other: string | null;
  /** True when `other` is accepted by every instance and configuration of the pool and GitHub holds it. */
  readonly complete: boolean;
  /** Latest uploaded version does not carry the live kid (guard G8). */
  readonly uploadDiffers: boolean;
  /** Parties that the row is about, for messages. */
  readonly parties: readonly string[];
}

const ABANDONED_AFTER_MS = 24 * 3_600_000;

/** Kid of a version: what it reports, else our annotation, else null (which never equals a kid). */
export function kidOfVersion(worker: Observation["worker"], id: string): string | null {
  return worker.observed[id] ?? worker.versions.find((version) => version.id === id)?.annotatedKid ?? null;
}

/** The version that carries the larger share; the newer one of two equal shares. */
export function liveVersion(worker: Observation["worker"]): WorkerVersion | null {
  const number = (id: string) => worker.versions.find((version) => version.id === id)?.number ?? 0;
  const [top] = [...worker.deployment].sort(
    (a, b) => b.percentage - a.percentage || number(b.versionId) - number(a.versionId),
  );
  return worker.versions.find((version) => version.id === top?.versionId) ?? null;
}

/** The latest uploaded version. */
export const latestVersion = (worker: Observation["worker"]): WorkerVersion | null => worker.versions[0] ?? null;

/** Kids that some running Worker code may send according to the deployment. */
export function sentKids(worker: Observation["worker"]): readonly string[] {
  const kids = worker.deployment
    .filter((share) => share.percentage > 0)
    .map((share) => kidOfVersion(worker, share.versionId));
  return [...new Set(kids.filter((kid): kid is string => kid !== null))];
}

/** A place that holds slots: an instance, a proven configuration, or GitHub. */
interface Holder {
  readonly party: string;
  readonly kids: KidsReport;
}

/** Instances and proven configuration of an origin. */
function holdersOf(origin: Observation["origins"][number]): readonly Holder[] {
  if (!origin.look.ok) return [];
  const instances = origin.look.instances.map((instance) => ({
    party: `${origin.name} instance ${instance.id}`,
    kids: instance.kids,
  }));
  return origin.look.config
    ? [...instances, { party: `${origin.name} configuration`, kids: origin.look.config }]
    : instances;
}

const vaultHas = (vault: VaultSlots, kid: string): boolean => vault.a === kid || vault.b === kid;

/** The slot in which an instance holds `kid`; null where none does. The table's first rows rule out that it sits in two. */
export function slotAtOrigins(origins: Observation["origins"], kid: string): SlotName | null {
  for (const { look } of origins)
    for (const { kids } of look.ok ? look.instances : []) {
      const slot = slotOf(kids, kid);
      if (slot !== null) return slot;
    }
  return null;
}

/** True when every instance and configuration of `origins` accepts `kid`. An unproven configuration accepts nothing. */
export function acceptedEverywhere(origins: Observation["origins"], kid: string): boolean {
  return origins.every(
    (origin) =>
      origin.look.ok &&
      origin.look.instances.length > 0 &&
      origin.look.config !== null &&
      holdersOf(origin).every((holder) => acceptedKids(holder.kids).includes(kid)),
  );
}

/** True when some instance or configuration of the origin accepts `kid`. */
export const acceptsSomewhere = (origin: Observation["origins"][number], kid: string): boolean =>
  holdersOf(origin).some((holder) => acceptedKids(holder.kids).includes(kid));

const isEmpty = ({ look }: Observation["origins"][number]): boolean => look.ok && look.instances.length === 0;

/** Computes the phase. Never throws. */
export function phaseOf(observation: Observation): Phase {
  const { worker, vault, journal, evidence } = observation;
  const pool = observation.origins.filter((origin) => origin.state === "pool");
  const joining = observation.origins.filter((origin) => origin.state === "joining");
  const live = liveVersion(worker) ? kidOfVersion(worker, liveVersion(worker)?.id ?? "") : null;
  const latest = latestVersion(worker);
  const latestKid = latest ? kidOfVersion(worker, latest.id) : null;
  const uploadDiffers = latestKid === null || latestKid !== live;
  const row = (name: PhaseName, details: Partial<Pick<Phase, "other" | "complete" | "parties">> = {}): Phase => ({
    name,
    live,
    other: null,
    complete: false,
    uploadDiffers,
    parties: [],
    ...details,
  });

  if (observation.names.present.length === 0) return row("UNSET");
  if (journal.initUnfinished && worker.blind === null && live === null)
    return row("UNSET", { parties: observation.names.present });

  // A joining origin that runs nothing yet is not blind: it refuses to start before it has a secret.
  const blind = [
    ...(worker.blind === null ? [] : [`worker: ${worker.blind}`]),
    ...[...pool, ...joining].flatMap((origin) => (origin.look.ok ? [] : [`${origin.name}: ${origin.look.reason}`])),
    ...pool.filter(isEmpty).map((origin) => `${origin.name}: no instance`),
  ];
  if (blind.length > 0 || live === null)
    return row("BLIND", { parties: blind.length > 0 ? blind : ["worker: it sends no known secret"] });

  // What a joining origin still accepts says nothing about production until it accepts the live secret: nobody sends to it.
  const counted = [...pool, ...joining.filter((origin) => acceptedEverywhere([origin], live))];
  const poolHolders = pool.flatMap(holdersOf);
  const holders = counted.flatMap(holdersOf);
  const legacy = holders.filter((holder) => "legacy" in holder.kids && holder.kids.legacy === live);
  if (legacy.length > 0) return row("LEGACY", { parties: legacy.map((holder) => holder.party) });

  const sent = sentKids(worker);
  const forked = poolHolders.filter((holder) => sent.some((kid) => !acceptedKids(holder.kids).includes(kid)));
  if (forked.length > 0) return row("FORKED", { parties: forked.map((holder) => holder.party) });

  const risen = journal.dead.filter(
    (kid) => kid !== live && (latestKid === kid || holders.some((holder) => acceptedKids(holder.kids).includes(kid))),
  );
  const deadButLive = journal.dead.includes(live) ? [live] : [];
  const resurrected = [...deadButLive, ...risen];
  if (resurrected[0] !== undefined) {
    const kid = resurrected[0];
    return row("RESURRECTED", {
      other: kid,
      parties: [
        ...holders.filter((holder) => acceptedKids(holder.kids).includes(kid)).map((holder) => holder.party),
        ...(latestKid === kid ? ["latest uploaded Worker version"] : []),
      ],
    });
  }

  const slots = [
    ...holders.map((holder) => ({ party: holder.party, slot: slotOf(holder.kids, live) })),
    { party: "github", slot: slotOf(vault, live) },
  ];
  const inA = slots.filter((place) => place.slot === "a");
  const inB = slots.filter((place) => place.slot === "b");
  if (inA.length > 0 && inB.length > 0)
    return row("MISALIGNED", { parties: inA.length < inB.length ? inA.map((p) => p.party) : inB.map((p) => p.party) });

  const isComplete = (kid: string) => acceptedEverywhere(pool, kid) && vaultHas(vault, kid);
  const isReady = (kid: string) =>
    isComplete(kid) &&
    acceptedEverywhere(
      joining.filter((origin) => !isEmpty(origin)),
      kid,
    );
  if (sent.length > 1) {
    const other = sent.find((kid) => kid !== live) ?? null;
    return row("SPLIT", { other, complete: other !== null && isComplete(other) });
  }

  const vaultKids = [vault.a, vault.b].filter(
    (slot): slot is string => slot !== null && slot !== "unknown" && isKid(slot),
  );
  const others = [...new Set([...holders.flatMap((holder) => acceptedKids(holder.kids)), ...vaultKids])].filter(
    (kid) => kid !== live,
  );
  const annotated = worker.versions.find(
    (version) => kidOfVersion(worker, version.id) === live && version.annotatedKid === live,
  );
  const previous = others.find((kid) => kid === annotated?.annotatedFrom);
  if (previous !== undefined) {
    const complete = isComplete(previous);
    if (evidence.drainedKid !== previous) return row("LINGERING", { other: previous, complete });
    return row(complete ? "DRAINED" : "RETIRING", { other: previous, complete });
  }

  const unknownVault = vault.a === "unknown" || vault.b === "unknown";
  const unprovenConfig = counted.some((origin) => origin.look.ok && origin.look.config === null);
  const [next, ...more] = others;
  if (next !== undefined) {
    const complete = more.length === 0 && isReady(next);
    const parties = holders
      .filter((holder) => others.some((kid) => acceptedKids(holder.kids).includes(kid)))
      .map((holder) => holder.party);
    const givenUp = journal.abandoned.includes(next) || (journal.candidateAgeMs ?? 0) > ABANDONED_AFTER_MS;
    if (!journal.running && givenUp) return row("ORPHAN", { other: next, complete, parties });
    if (complete && latestKid === next && latest) {
      return row(evidence.probedVersion === latest.id ? "PROBED" : "UPLOADED", { other: next, complete });
    }
    return row(complete ? "STAGED" : "STAGING", { other: next, complete, parties });
  }
  if (unknownVault || unprovenConfig || !vaultHas(vault, live)) {
    return row("STAGING", {
      parties: [
        ...(unknownVault || !vaultHas(vault, live) ? ["github"] : []),
        ...counted
          .filter((origin) => origin.look.ok && origin.look.config === null)
          .map((origin) => `${origin.name} configuration`),
      ],
    });
  }
  return row(journal.proven ? "STEADY" : "RETIRED");
}

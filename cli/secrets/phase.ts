/**
 * Phase of a rotation: a pure function of one observation, total and without memory. First matching row wins.
 * Nothing here knows a clock, a journal store or a platform; what time and probes told is part of the observation.
 * What each phase needs, does and says is in phases/table.ts.
 */
import type { EmergencyMode } from "./journal-entry.ts";
import { isKid } from "../../contract/gateway-secret.ts";
import { acceptedKids, slotOf } from "../../contract/slots.ts";
import {
  acceptedEverywhere,
  acceptsSomewhere,
  holdersOf,
  isAlike,
  kidOfVersion,
  latestVersion,
  liveVersion,
  losesAtColdStart,
  refusing,
  sentKids,
  sharing,
  versionById,
  versionWith,
  type Observation,
  type SeenOrigin,
} from "./observation.ts";

/** The rows of the table, in order. */
export const PHASE_NAMES = [
  "UNSET",
  "BLIND",
  "ASTRAY",
  "LEGACY",
  "FORKED",
  "LOST",
  "RESURRECTED",
  "MISALIGNED",
  "CANARY",
  "UNDONE",
  "SPLIT",
  "LINGERING",
  "DRAINED",
  "RETIRING",
  "ORPHAN",
  "OUTDATED",
  "PROBED",
  "UPLOADED",
  "STAGED",
  "STAGING",
  "UNBACKED",
  "RETIRED",
  "STEADY",
] as const;
/** One row of the table. */
export type PhaseName = (typeof PHASE_NAMES)[number];

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
  /** Names of the targets that have to be repaired by hand. */
  readonly targets: readonly string[];
  /** Ids of the Worker versions that the row is about. */
  readonly versions: readonly string[];
  /** An emergency that has not ended: it, and nothing else, is the way out. */
  readonly emergency?: EmergencyMode;
  /** What is to be expected after the one repair that this row asks for; absent where there is none. */
  readonly under?: Phase;
}

const ABANDONED_AFTER_MS = 24 * 3_600_000;

const isEmpty = ({ look }: SeenOrigin): boolean => look.ok && look.instances.length === 0;
const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

/** Nothing runs, sends or was recorded: what is in slots was written by hand, and no traffic depends on it. */
function isUnborn({ names, origins, journal }: Observation): boolean {
  const runs = ({ look }: SeenOrigin): boolean => (look.ok ? look.instances.length > 0 : look.absent !== true);
  const recorded =
    journal.live !== null ||
    journal.running ||
    journal.candidateAgeMs !== null ||
    journal.dead.length + journal.abandoned.length > 0;
  return !names.present.includes("worker") && !origins.some(runs) && !recorded;
}

/** Kids that every instance of every origin accepts. */
function agreedKids(origins: readonly SeenOrigin[]): readonly string[] {
  const sets = origins.flatMap(({ look }) => (look.ok ? look.instances.map(({ kids }) => acceptedKids(kids)) : []));
  return (sets[0] ?? []).filter((kid) => sets.every((set) => set.includes(kid)));
}

/** The secret that a Worker without a usable one has to be given: the journal's, else the one that was made last. */
function agreedKid({ worker, journal }: Observation, pool: readonly SeenOrigin[]): string | null {
  const agreed = agreedKids(pool);
  const annotated = worker.versions.find(({ annotatedKid }) => annotatedKid !== null && agreed.includes(annotatedKid));
  return agreed.find((kid) => kid === journal.live) ?? annotated?.annotatedKid ?? agreed[0] ?? null;
}

/** The same observation with one version alone at 100 %. */
function alone(observation: Observation, versionId: string): Observation {
  const shares = [{ versionId, percentage: 100 }];
  return { ...observation, worker: { ...observation.worker, deployment: shares, lost: null } };
}

/** Computes the phase. Never throws. */
export function phaseOf(observation: Observation): Phase {
  const { worker, vault, journal, evidence } = observation;
  const pool = observation.origins.filter((origin) => origin.state === "pool");
  const joining = observation.origins.filter((origin) => origin.state === "joining");
  const sender = liveVersion(worker);
  const live = sender ? kidOfVersion(worker, sender.id) : null;
  const latest = latestVersion(worker);
  const latestKid = latest ? kidOfVersion(worker, latest.id) : null;
  const row = (name: PhaseName, details: Partial<Phase> = {}): Phase => ({
    name,
    live,
    other: null,
    complete: false,
    uploadDiffers: latestKid === null || latestKid !== live,
    parties: [],
    targets: [],
    versions: [],
    ...(journal.emergency ? { emergency: journal.emergency.mode } : {}),
    ...details,
  });

  const { present } = observation.names;
  if (present.length === 0) return row("UNSET");
  if (worker.blind === null && live === null && (journal.initUnfinished || isUnborn(observation)))
    return row("UNSET", { parties: present });

  // A joining origin that runs nothing yet is not blind: it refuses to start before it has a secret.
  const unseen = [...pool, ...joining].filter((origin) => !origin.look.ok);
  const empty = pool.filter(isEmpty);
  const blind = [
    ...(worker.blind === null ? [] : [`worker: ${worker.blind}`]),
    ...unseen.map((origin) => `${origin.name}: ${origin.look.ok ? "" : origin.look.reason}`),
    ...empty.map((origin) => `${origin.name}: no instance`),
  ];
  if (blind.length > 0) return row("BLIND", { parties: blind, targets: [...unseen, ...empty].map(({ name }) => name) });

  const sent = sentKids(worker);
  const agreed = agreedKid(observation, pool);
  if (sender && agreed !== null && !sent.some((kid) => pool.some((origin) => acceptsSomewhere(origin, kid)))) {
    const source = versionWith(worker, agreed);
    const repaired = source && { ...source, id: "(repaired)", number: Number.MAX_SAFE_INTEGER };
    const under = repaired && phaseOf(alone(withVersion(observation, repaired), repaired.id));
    return row("ASTRAY", {
      other: agreed,
      parties: [live === null ? "worker: it sends no usable secret" : `worker: it sends ${live}`],
      targets: ["worker"],
      versions: source ? [source.id] : [],
      ...(under ? { under } : {}),
    });
  }
  if (live === null) return row("BLIND", { parties: ["worker: it sends no known secret"], targets: ["worker"] });

  // What a joining origin still accepts says nothing about production until it accepts the live secret: nobody sends to it.
  const counted = [...pool, ...joining.filter((origin) => acceptedEverywhere([origin], live))];
  const holders = counted.flatMap(holdersOf);
  const legacy = holders.filter((holder) => "legacy" in holder.kids && holder.kids.legacy === live);
  if (legacy.length > 0) return row("LEGACY", { parties: legacy.map((holder) => holder.party) });

  const refuses = (origin: SeenOrigin) =>
    holdersOf(origin).filter((holder) => sent.some((kid) => !acceptedKids(holder.kids).includes(kid)));
  const forked = pool.filter((origin) => refuses(origin).length > 0);
  if (forked.length > 0)
    return row("FORKED", {
      parties: forked.flatMap((origin) => refuses(origin).map((holder) => holder.party)),
      targets: forked.map(({ name }) => name),
    });

  const lost = counted.filter((origin) => losesAtColdStart(origin, live));
  if (lost.length > 0)
    return row("LOST", {
      parties: lost.map(({ name }) => `${name} configuration`),
      targets: lost.map(({ name }) => name),
    });

  const risen = journal.dead.filter(
    (kid) => kid !== live && (latestKid === kid || holders.some((holder) => acceptedKids(holder.kids).includes(kid))),
  );
  const [resurrected] = [...(journal.dead.includes(live) ? [live] : []), ...risen];
  if (resurrected !== undefined) {
    const at = holders.filter((holder) => acceptedKids(holder.kids).includes(resurrected)).map(({ party }) => party);
    return row("RESURRECTED", {
      other: resurrected,
      parties: [...at, ...(latestKid === resurrected ? ["latest uploaded Worker version"] : [])],
    });
  }

  const slots = counted.flatMap((origin) =>
    holdersOf(origin).map(({ party, kids }) => ({ party, target: origin.name, slot: slotOf(kids, live) })),
  );
  const inA = slots.filter((place) => place.slot === "a");
  const inB = slots.filter((place) => place.slot === "b");
  if (inA.length > 0 && inB.length > 0) {
    const fewer = inA.length < inB.length ? inA : inB;
    return row("MISALIGNED", {
      parties: fewer.map(({ party }) => party),
      targets: unique(fewer.map(({ target }) => target)),
    });
  }

  const isComplete = (kid: string) => acceptedEverywhere(pool, kid) && slotOf(vault, kid) !== null;
  if (sharing(worker).length > 1 && sent.length === 1)
    return row("CANARY", {
      parties: sharing(worker).map((share) => `${share.versionId} at ${share.percentage} %`),
      versions: sharing(worker).map((share) => share.versionId),
    });
  const undone = versionById(worker, mainVersion(worker.lost));
  if (worker.lost && !isAlike(worker, undone, sender)) {
    const found = { ...observation, worker: { ...worker, lost: null } };
    const restored = sender && undone ? withVersion(found, { ...sender, ...codeOf(undone) }) : found;
    return row("UNDONE", {
      versions: [mainVersion(worker.lost), ...(sender ? [sender.id] : [])],
      under: phaseOf(restored),
    });
  }
  if (sent.length > 1) {
    const other = sent.find((kid) => kid !== live) ?? null;
    const complete = other !== null && isComplete(other);
    const ids = new Set(sharing(worker).map((share) => share.versionId));
    const [newer, older] = worker.versions.filter(({ id }) => ids.has(id));
    const newerKid = newer ? kidOfVersion(worker, newer.id) : null;
    const keeps = (newerKid === live || (newerKid === other && complete) ? newer : older) ?? sender;
    return row("SPLIT", {
      other,
      complete,
      versions: keeps ? [keeps.id] : [],
      ...(keeps ? { under: phaseOf(alone(observation, keeps.id)) } : {}),
    });
  }

  const vaultKids = [vault.a, vault.b].filter(
    (slot): slot is string => slot !== null && slot !== "unknown" && isKid(slot),
  );
  const others = unique([...holders.flatMap((holder) => acceptedKids(holder.kids)), ...vaultKids]).filter(
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

  const unproven = counted
    .filter((origin) => origin.look.ok && origin.look.config === null)
    .map((origin) => `${origin.name} configuration`);
  const held = slotOf(vault, live);
  // GitHub's copy in the other slot is none: a restore from there would put the secret into the wrong one.
  const unbacked =
    vault.a === "unknown" ||
    vault.b === "unknown" ||
    held === null ||
    slots.some(({ slot }) => slot !== null && slot !== held);
  const [next, ...more] = others;
  if (next !== undefined) {
    const everybody = [...pool, ...joining.filter((origin) => !isEmpty(origin))];
    const complete = more.length === 0 && isComplete(next) && acceptedEverywhere(everybody, next);
    // With several strangers in the spare slots every holder of one is named; else those that still lack the candidate.
    const lacking = [
      ...everybody.flatMap((origin) => refusing(origin, next)),
      ...(slotOf(vault, next) === null ? ["github"] : []),
    ];
    const strange = holders
      .filter((holder) => others.some((kid) => acceptedKids(holder.kids).includes(kid)))
      .map((holder) => holder.party);
    const details = { other: next, complete, parties: more.length > 0 ? strange : lacking };
    const givenUp = journal.abandoned.includes(next) || (journal.candidateAgeMs ?? 0) > ABANDONED_AFTER_MS;
    if (!journal.running && givenUp) return row("ORPHAN", { ...details, parties: strange });
    // Made to follow what is live: an older version that carries it would be a step back. What it says itself counts more than our note.
    const made = worker.versions.find(
      ({ id, annotatedKid, annotatedFrom }) =>
        annotatedKid === next && annotatedFrom === live && (worker.observed[id] ?? next) === next,
    );
    if (!complete || !made) return row(complete ? "STAGED" : "STAGING", details);
    const versions = [made.id];
    if (!isAlike(worker, made, sender)) return row("OUTDATED", { ...details, versions });
    return row(evidence.probedVersion === made.id ? "PROBED" : "UPLOADED", { ...details, versions });
  }
  if (unproven.length > 0) return row("STAGING", { parties: [...(unbacked ? ["github"] : []), ...unproven] });
  if (unbacked) return row("UNBACKED", { parties: ["github"] });
  return row(journal.proven ? "STEADY" : "RETIRED");
}

/** Id of the version with the larger share. */
const mainVersion = (deployment: Observation["worker"]["lost"]): string =>
  deployment?.shares.toSorted((a, b) => b.percentage - a.percentage)[0]?.versionId ?? "";
const codeOf = ({ code }: { readonly code?: string }): { readonly code?: string } =>
  code === undefined ? {} : { code };

/** The same observation with one version more, or another in its place. */
function withVersion(observation: Observation, version: Observation["worker"]["versions"][number]): Observation {
  const rest = observation.worker.versions.filter(({ id }) => id !== version.id);
  const versions = [...rest, version].toSorted((a, b) => b.number - a.number);
  return { ...observation, worker: { ...observation.worker, versions } };
}

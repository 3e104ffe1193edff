/**
 * How each phase is recognised. A row says what it found, or null where it does not fit; the first one that does wins, so each may take
 * for granted what the rows before it rule out. Pure.
 */
import { isKid } from "../../../contract/gateway-secret.ts";
import { acceptedKids, slotOf } from "../../../contract/slots.ts";
import {
  acceptsSomewhere,
  holdersOf,
  isAlike,
  kidOfVersion,
  losesAtColdStart,
  refusing,
  sharing,
  versionById,
  versionWith,
  type Observation,
  type SeenOrigin,
} from "../observation.ts";
import type { Phase, PhaseName } from "../phase.ts";
import { alone, partiesWith, unique, withVersion, type Facts, type SendingFacts } from "./facts.ts";

/** A phase, as far as it is not what most phases are. */
export type Found = { readonly name: PhaseName } & Partial<Phase>;

const ABANDONED_AFTER_MS = 24 * 3_600_000;

const isEmpty = ({ look }: SeenOrigin): boolean => look.ok && look.instances.length === 0;

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

/** No slot and no secret anywhere, or some that was written by hand before anything ran. */
function unset({ observation, live }: Facts): Found | null {
  const { names, worker, journal } = observation;
  if (names.present.length === 0) return { name: "UNSET" };
  if (worker.blind !== null || live !== null || !(journal.initUnfinished || isUnborn(observation))) return null;
  return { name: "UNSET", parties: names.present };
}

/** A joining origin that runs nothing yet is not blind: it refuses to start before it has a secret. */
function blind({ observation: { worker }, pool, joining }: Facts): Found | null {
  const unseen = [...pool, ...joining].filter((origin) => !origin.look.ok);
  const empty = pool.filter(isEmpty);
  const parties = [
    ...(worker.blind === null ? [] : [`worker: ${worker.blind}`]),
    ...unseen.map((origin) => `${origin.name}: ${origin.look.ok ? "" : origin.look.reason}`),
    ...empty.map((origin) => `${origin.name}: no instance`),
  ];
  if (parties.length === 0) return null;
  return { name: "BLIND", parties, targets: [...unseen, ...empty].map(({ name }) => name) };
}

/** The origins agree on a secret, and no version that is sent with carries one that any of them accepts. */
function astray({ observation, pool, sender, live, sent, phaseOf }: Facts): Found | null {
  const { worker } = observation;
  const agreed = agreedKid(observation, pool);
  if (!sender || agreed === null || sent.some((kid) => pool.some((origin) => acceptsSomewhere(origin, kid))))
    return null;
  const source = versionWith(worker, agreed);
  const repaired = source && { ...source, id: "(repaired)", number: Number.MAX_SAFE_INTEGER };
  const under = repaired && phaseOf(alone(withVersion(observation, repaired), repaired.id));
  return {
    name: "ASTRAY",
    other: agreed,
    parties: [live === null ? "worker: it sends no usable secret" : `worker: it sends ${live}`],
    targets: ["worker"],
    versions: source ? [source.id] : [],
    ...(under ? { under } : {}),
  };
}

/** Nothing that anybody knows is sent. */
const silent = ({ live }: Facts): Found | null =>
  live === null ? { name: "BLIND", parties: ["worker: it sends no known secret"], targets: ["worker"] } : null;

function legacy({ holders, live }: SendingFacts): Found | null {
  const lone = holders.filter(({ kids }) => "legacy" in kids && kids.legacy === live);
  return lone.length > 0 ? { name: "LEGACY", parties: lone.map(({ party }) => party) } : null;
}

function forked({ pool, sent }: SendingFacts): Found | null {
  const refuses = (origin: SeenOrigin) =>
    holdersOf(origin).filter((holder) => sent.some((kid) => !acceptedKids(holder.kids).includes(kid)));
  const refusers = pool.filter((origin) => refuses(origin).length > 0);
  if (refusers.length === 0) return null;
  return {
    name: "FORKED",
    parties: refusers.flatMap((origin) => refuses(origin).map(({ party }) => party)),
    targets: refusers.map(({ name }) => name),
  };
}

function lost({ counted, live }: SendingFacts): Found | null {
  const losers = counted.filter((origin) => losesAtColdStart(origin, live));
  if (losers.length === 0) return null;
  return {
    name: "LOST",
    parties: losers.map(({ name }) => `${name} configuration`),
    targets: losers.map(({ name }) => name),
  };
}

function resurrected({ observation: { journal }, holders, live, latestKid }: SendingFacts): Found | null {
  const risen = journal.dead.filter(
    (kid) => kid !== live && (latestKid === kid || partiesWith(holders, [kid]).length > 0),
  );
  const [other] = [...(journal.dead.includes(live) ? [live] : []), ...risen];
  if (other === undefined) return null;
  const uploaded = latestKid === other ? ["latest uploaded Worker version"] : [];
  return { name: "RESURRECTED", other, parties: [...partiesWith(holders, [other]), ...uploaded] };
}

function misaligned({ places }: SendingFacts): Found | null {
  const inA = places.filter(({ slot }) => slot === "a");
  const inB = places.filter(({ slot }) => slot === "b");
  if (inA.length === 0 || inB.length === 0) return null;
  const fewer = inA.length < inB.length ? inA : inB;
  return {
    name: "MISALIGNED",
    parties: fewer.map(({ party }) => party),
    targets: unique(fewer.map(({ target }) => target)),
  };
}

function canary({ observation: { worker }, sent }: SendingFacts): Found | null {
  const shares = sharing(worker);
  if (shares.length < 2 || sent.length !== 1) return null;
  return {
    name: "CANARY",
    parties: shares.map((share) => `${share.versionId} at ${share.percentage} %`),
    versions: shares.map((share) => share.versionId),
  };
}

/** Id of the version with the larger share. */
const mainVersion = (deployment: Observation["worker"]["lost"]): string =>
  deployment?.shares.toSorted((a, b) => b.percentage - a.percentage)[0]?.versionId ?? "";
const codeOf = ({ code }: { readonly code?: string }): { readonly code?: string } =>
  code === undefined ? {} : { code };

function undone({ observation, sender, phaseOf }: SendingFacts): Found | null {
  const { worker } = observation;
  const id = mainVersion(worker.lost);
  const version = versionById(worker, id);
  if (!worker.lost || isAlike(worker, version, sender)) return null;
  const found = { ...observation, worker: { ...worker, lost: null } };
  const restored = version ? withVersion(found, { ...sender, ...codeOf(version) }) : found;
  return { name: "UNDONE", versions: [id, sender.id], under: phaseOf(restored) };
}

/** Two versions with different secrets share the traffic: the newer one stays where its secret is accepted everywhere. */
function split({ observation, sender, live, sent, isComplete, phaseOf }: SendingFacts): Found | null {
  if (sent.length < 2) return null;
  const { worker } = observation;
  const other = sent.find((kid) => kid !== live) ?? null;
  const complete = other !== null && isComplete(other);
  const ids = new Set(sharing(worker).map((share) => share.versionId));
  const [newer, older] = worker.versions.filter(({ id }) => ids.has(id));
  const newerKid = newer ? kidOfVersion(worker, newer.id) : null;
  const keeps = (newerKid === live || (newerKid === other && complete) ? newer : older) ?? sender;
  return { name: "SPLIT", other, complete, versions: [keeps.id], under: phaseOf(alone(observation, keeps.id)) };
}

/** Kids beside the live one that anybody accepts or GitHub holds. */
function othersOf({ observation: { vault }, holders, live }: SendingFacts): readonly string[] {
  const held = [vault.a, vault.b].filter((slot): slot is string => slot !== null && slot !== "unknown" && isKid(slot));
  return unique([...holders.flatMap((holder) => acceptedKids(holder.kids)), ...held]).filter((kid) => kid !== live);
}

/** The secret that was sent before this one is still accepted somewhere. */
function lingering(facts: SendingFacts): Found | null {
  const { worker, evidence } = facts.observation;
  const annotated = worker.versions.find(
    (version) => kidOfVersion(worker, version.id) === facts.live && version.annotatedKid === facts.live,
  );
  const previous = othersOf(facts).find((kid) => kid === annotated?.annotatedFrom);
  if (previous === undefined) return null;
  const complete = facts.isComplete(previous);
  if (evidence.drainedKid !== previous) return { name: "LINGERING", other: previous, complete };
  return { name: complete ? "DRAINED" : "RETIRING", other: previous, complete };
}

/** A secret that nobody sends yet is somewhere. */
function coming(facts: SendingFacts): Found | null {
  const { observation, pool, joining, sender, live, holders } = facts;
  const { worker, vault, journal, evidence } = observation;
  const others = othersOf(facts);
  const [next, ...more] = others;
  if (next === undefined) return null;
  const everybody = [...pool, ...joining.filter((origin) => !isEmpty(origin))];
  // With several strangers in the spare slots every holder of one is named; else those that still lack the candidate.
  const lacking = everybody.flatMap((origin) => refusing(origin, next));
  const complete = more.length === 0 && facts.isComplete(next) && lacking.length === 0;
  const strange = partiesWith(holders, others);
  const unwritten = slotOf(vault, next) === null ? ["github"] : [];
  const details = { other: next, complete, parties: more.length > 0 ? strange : [...lacking, ...unwritten] };
  const givenUp = journal.abandoned.includes(next) || (journal.candidateAgeMs ?? 0) > ABANDONED_AFTER_MS;
  if (!journal.running && givenUp) return { name: "ORPHAN", ...details, parties: strange };
  // Made to follow what is live: an older version that carries it would be a step back. What it says itself counts more than our note.
  const made = worker.versions.find(
    ({ id, annotatedKid, annotatedFrom }) =>
      annotatedKid === next && annotatedFrom === live && (worker.observed[id] ?? next) === next,
  );
  if (!complete || !made) return { name: complete ? "STAGED" : "STAGING", ...details };
  const versions = [made.id];
  if (!isAlike(worker, made, sender)) return { name: "OUTDATED", ...details, versions };
  return { name: evidence.probedVersion === made.id ? "PROBED" : "UPLOADED", ...details, versions };
}

/** One secret, and not everything is known of it yet. GitHub's copy in the other slot is none: a restore would put it into the wrong one. */
function unproven({ observation: { vault }, counted, places, live }: SendingFacts): Found | null {
  const configurations = counted
    .filter(({ look }) => look.ok && look.config === null)
    .map(({ name }) => `${name} configuration`);
  const held = slotOf(vault, live);
  const unbacked =
    vault.a === "unknown" ||
    vault.b === "unknown" ||
    held === null ||
    places.some(({ slot }) => slot !== null && slot !== held);
  const github = unbacked ? ["github"] : [];
  if (configurations.length > 0) return { name: "STAGING", parties: [...github, ...configurations] };
  return unbacked ? { name: "UNBACKED", parties: github } : null;
}

const settled = ({ observation: { journal } }: SendingFacts): Found => ({
  name: journal.proven ? "STEADY" : "RETIRED",
});

/** The rows that need not know what the Worker sends; the last one ends them where it is not known. */
export const ALWAYS: readonly ((facts: Facts) => Found | null)[] = [unset, blind, astray, silent];

/** The rows for an installation that sends a known secret; the last one always fits. */
export const SENDING: readonly ((facts: SendingFacts) => Found | null)[] = [
  legacy,
  forked,
  lost,
  resurrected,
  misaligned,
  canary,
  undone,
  split,
  lingering,
  coming,
  unproven,
  settled,
];

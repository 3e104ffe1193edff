/**
 * Phase of a rotation: a pure function of one observation, total and without memory. The first row of phases/rows.ts that fits wins.
 * Nothing here knows a clock, a journal store or a platform; what time and probes told is part of the observation.
 * What each phase needs, does and says is in phases/table.ts.
 */
import type { EmergencyMode } from "./journal-entry.ts";
import type { Observation } from "./observation.ts";
import { factsOf, isSending } from "./phases/facts.ts";
import { ALWAYS, SENDING } from "./phases/rows.ts";

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

/** Computes the phase. Never throws. */
export function phaseOf(observation: Observation): Phase {
  const facts = factsOf(observation, phaseOf);
  const found = first(ALWAYS, facts) ??
    // A Worker that sends nothing known is the last of the rows before.
    (isSending(facts) ? first(SENDING, facts) : null) ?? { name: "BLIND" };
  const { live, latestKid } = facts;
  const { emergency } = observation.journal;
  return {
    live,
    other: null,
    complete: false,
    uploadDiffers: latestKid === null || latestKid !== live,
    parties: [],
    targets: [],
    versions: [],
    ...(emergency ? { emergency: emergency.mode } : {}),
    ...found,
  };
}

/** What the first row that fits has found. */
function first<Facts, Found>(rows: readonly ((facts: Facts) => Found | null)[], facts: Facts): Found | null {
  for (const row of rows) {
    const found = row(facts);
    if (found) return found;
  }
  return null;
}

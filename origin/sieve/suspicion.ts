/**
 * Adds up refusals per user over ten minutes and says once when they look like probing. Counts in memory, per origin; the log in
 * the database has the whole. Bounded: the user who was quiet for longest is forgotten first.
 */
import type { SieveVerdict } from "../../contract/security-event.ts";
import { SCORES } from "./refusal-cause.ts";

/** Unit: milliseconds. */
export const WINDOW_MS = 600_000;
const THRESHOLD = 50;
/** So many different names that exist nowhere are a search, not typing errors. */
export const DISTINCT_NAMES = 20;
const MAX_USERS = 10_000;
/** Entries per user; the threshold is reached long before. */
const MAX_ENTRIES = 200;

interface Entry {
  readonly at: number;
  readonly score: number;
  /** Set only for names that do not exist. */
  readonly name: string | null;
}
interface History {
  entries: Entry[];
  reportedAt: number;
}

/** What the latest refusal came to. */
export interface Suspicion {
  /** Score within the window, this refusal included. */
  readonly score: number;
  /** True once per window, when the threshold is reached. */
  readonly suspected: boolean;
}

/** Builds the counter. `now`: monotonic, milliseconds. `name` is module and tool, or any stable stand-in for them. */
export function createSuspicion(now: () => number): (userId: string, verdict: SieveVerdict, name: string) => Suspicion {
  const users = new Map<string, History>();
  return (userId, verdict, name) => {
    const at = now();
    const record = users.get(userId) ?? { entries: [], reportedAt: Number.NEGATIVE_INFINITY };
    users.delete(userId);
    users.set(userId, record);
    if (users.size > MAX_USERS) {
      const oldest = users.keys().next();
      if (!oldest.done) users.delete(oldest.value);
    }
    record.entries = record.entries.filter((entry) => at - entry.at < WINDOW_MS).slice(1 - MAX_ENTRIES);
    record.entries.push({ at, score: SCORES[verdict], name: verdict === "nonexistent" ? name : null });
    const names = new Set(record.entries.map((entry) => entry.name).filter((entry) => entry !== null));
    const sum = record.entries.reduce((total, entry) => total + entry.score, 0);
    const score = names.size >= DISTINCT_NAMES ? Math.max(sum, THRESHOLD) : sum;
    const suspected = score >= THRESHOLD && at - record.reportedAt >= WINDOW_MS;
    if (suspected) record.reportedAt = at;
    return { score, suspected };
  };
}

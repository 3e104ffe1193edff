/** What stands in the journal: one entry, the state that it carries on, and the tip of the ref. Metadata only, never a value. */
import { isKid, type SlotName } from "../../contract/gateway-secret.ts";
import { isRecord } from "../../contract/json.ts";
import type { SlotReport } from "../../contract/slots.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { GitStore } from "../targets/types.ts";
import type { Deploying } from "./deployments.ts";
import type { Holder } from "./holder.ts";
import { LEASE_SECONDS } from "./lease.ts";

/** What the entries so far amount to; carried from entry to entry so that the tip alone is enough. */
export interface JournalState {
  /** GitHub's slots as last acknowledged. */
  readonly vault: {
    readonly a: SlotReport;
    readonly b: SlotReport;
    /** Platform time of that acknowledgement. */ readonly ackAt: string | null;
  };
  /** Kids proven dead, newest first. */
  readonly dead: readonly string[];
  /** Kid whose retirement began last, and whether its death is proven. */
  readonly retired: string | null;
  /** Worker version that had all traffic before the last switch; absent in entries of older versions of the tool. */
  readonly lastSender?: string;
  /** The newest deployment that this tool wrote, and what it was to replace; absent in entries of older versions of the tool. */
  readonly deploying?: Deploying | null;
  readonly proven: boolean;
  readonly abandoned: readonly string[];
  readonly candidate: {
    readonly kid: string;
    readonly slot: SlotName;
    readonly since: string | null;
    readonly run: string;
  } | null;
  /** An emergency for this secret began, whose death is not proven; absent in entries of older versions of the tool. */
  readonly emergency?: { readonly kid: string; readonly mode: EmergencyMode } | null;
  /** An emergency took the lock from a living run at this platform time, and has not outlived its last writes yet. */
  readonly seizedAt?: string | null;
  readonly init: "unfinished" | "done" | null;
  /** Last put by name of the secret; absent in entries of older versions of the tool. */
  readonly puts?: Readonly<Record<string, PutRecord>>;
  /** Kid in use since, by platform time. */
  readonly live: { readonly kid: string; readonly since: string | null } | null;
}

/** How an emergency kills; see the command's help. */
export type EmergencyMode = "fast" | "now";

/** The last put of one of the other secrets. */
export interface PutRecord {
  /** What every instance must report. */
  readonly mark: string;
  /** Platform time of the writes; null while they are under way, and after a run that died in them. */
  readonly at: string | null;
  /** What each origin's platform said of the secret after the write. */
  readonly stamps: Readonly<Record<string, string>>;
}

/** Parts of the state that are known by the time of the entry that brings them, which nobody knows before it is written. */
export type Dated = "vault" | "candidate" | "live";

/** Something that needed no entry of its own: no later run depends on it. */
export interface Noted {
  readonly event: string;
  readonly detail: Readonly<Record<string, string>>;
}

/** One entry as it is written. */
export interface JournalEntry {
  readonly schema: 1;
  readonly run: string;
  readonly nonce: string;
  readonly actor: string;
  /** Id of the GitHub Actions run, or "local". */
  readonly workflow: string;
  /** Attempt of that run; absent on a laptop and in entries of older versions of the tool. */
  readonly attempt?: number;
  readonly tool: string;
  /** The process that wrote it; absent where nothing could be proven by it, and in entries of older versions of the tool. */
  readonly holder?: Holder;
  readonly event: string;
  /** 0 = the lock is free. */
  readonly leaseSeconds: number;
  readonly detail: Readonly<Record<string, string>>;
  /** What happened since the entry before, oldest first; absent = nothing that was noted. */
  readonly since?: readonly Noted[];
  /** Times in the state that are this entry's own; written as null, so that an older tool takes them for unknown. */
  readonly dated?: readonly Dated[];
  readonly state: JournalState;
}

/** The tip of the ref. */
export interface JournalTip {
  readonly sha: string;
  /** Platform time of the entry. */
  readonly date: string;
  readonly entry: JournalEntry;
}

/** Of a ref that has no entry yet. */
export const EMPTY: JournalState = {
  vault: { a: null, b: null, ackAt: null },
  dead: [],
  retired: null,
  proven: true,
  abandoned: [],
  candidate: null,
  init: null,
  live: null,
};

/** The entry with its own time where it says so. @param date platform time of its commit */
export function dateEntry(entry: JournalEntry, date: string): JournalEntry {
  const { dated = [], state } = entry;
  const { vault, candidate, live } = state;
  return {
    ...entry,
    state: {
      ...state,
      ...(dated.includes("vault") ? { vault: { ...vault, ackAt: date } } : {}),
      ...(dated.includes("candidate") && candidate ? { candidate: { ...candidate, since: date } } : {}),
      ...(dated.includes("live") && live ? { live: { ...live, since: date } } : {}),
    },
  };
}

/** Longer than any version of the tool asks for. Unit: seconds. */
const LONGEST_LEASE_SECONDS = 86_400;
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === "string");
const isText = (value: unknown): value is string => typeof value === "string";
const isTime = (value: unknown): boolean => isText(value) && !Number.isNaN(Date.parse(value));
type Check = (value: unknown) => boolean;
const isRecordOf =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isRecord(value) && Object.entries(checks).every(([name, check]) => check(value[name]));
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
/** What older versions of the tool did not write. */
const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null || check(value);

/** As far as anything depends on it without asking again: whoever may write to the repository may write an entry. */
const isState = isRecordOf({
  vault: isRecordOf({ a: orNull(isText), b: orNull(isText), ackAt: orNull(isTime) }),
  dead: isTexts,
  abandoned: isTexts,
  retired: orNull((value) => isText(value) && isKid(value)),
  proven: (value) => typeof value === "boolean",
  candidate: orNull(isRecordOf({ kid: isText, slot: isText, since: orNull(isTime), run: isText })),
  live: orNull(isRecordOf({ kid: isText, since: orNull(isTime) })),
  lastSender: orAbsent(isText),
  deploying: orAbsent(isRecordOf({ replaces: orNull(isText), mark: isText })),
  emergency: orAbsent(isRecordOf({ kid: isText, mode: (mode) => mode === "fast" || mode === "now" })),
  seizedAt: orAbsent(isTime),
  puts: orAbsent(
    (value) => isRecord(value) && Object.values(value).every(isRecordOf({ mark: isText, stamps: isRecord })),
  ),
});

const isEntry = isRecordOf({
  schema: (value) => value === 1,
  run: isText,
  actor: isText,
  workflow: isText,
  event: isText,
  leaseSeconds: (value) => typeof value === "number" && value >= 0 && value <= LONGEST_LEASE_SECONDS,
  detail: isRecord,
  state: isState,
}) as (value: unknown) => value is JournalEntry;

/** Later versions of the tool count on. */
const isNewer = (entry: unknown): boolean =>
  isRecord(entry) && typeof entry["schema"] === "number" && entry["schema"] > 1 && isText(entry["run"]);

/** Null for what is no JSON: an entry that cannot be read is reported, never guessed. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Reads one entry. @throws {McpistError} ERR_MISMATCH when it is none of ours. */
export function parseEntry(message: string, date: string): JournalEntry {
  const entry = parsed(message.slice(message.indexOf("{")));
  if (isEntry(entry)) return dateEntry(entry, date);
  if (isNewer(entry))
    throw new McpistError("ERR_MISMATCH", "the rotation journal was written by a newer mcpist than this one", {
      hint: HINTS.newerJournal(),
    });
  throw new McpistError("ERR_MISMATCH", "the tip of the rotation ref is not a journal entry of mcpist", {
    hint: HINTS.foreignRef(),
  });
}

/** An entry that cannot be read counts for nothing, and its ref may be anybody's. */
export const unreadable = (sha: string, date: string): JournalTip => ({
  sha,
  date,
  entry: {
    schema: 1,
    run: "?",
    nonce: "",
    actor: "somebody",
    workflow: "local",
    tool: "",
    event: "?",
    leaseSeconds: LEASE_SECONDS,
    detail: {},
    state: EMPTY,
  },
});

/** Entries from the newest back, at most `limit`. @throws {McpistError} ERR_MISMATCH at one that is none of ours. */
export async function readHistory(
  store: Pick<GitStore, "readRef" | "readCommit">,
  limit: number,
): Promise<readonly JournalTip[]> {
  const entries: JournalTip[] = [];
  let sha = (await store.readRef())?.sha;
  while (sha !== undefined && entries.length < limit) {
    const { date, message, parents } = await store.readCommit(sha);
    entries.push({ sha, date, entry: parseEntry(message, date) });
    [sha] = parents;
  }
  return entries;
}

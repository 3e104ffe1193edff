/**
 * The security log of the origin: one JSON line per event through pino, rows in `security_events`, alerts to a webhook. It takes
 * only the fields of the contract, so arguments, results, tokens and bodies cannot get in; names that an attacker chose are kept
 * only in a harmless shape. It never throws and never makes a request wait.
 */
import { hash } from "node:crypto";
import { SAFE_NAME, type SecurityEvent, type SieveVerdict } from "../../contract/security-event.ts";
import type { Database } from "../database/database.ts";
import type { EventSink, Occurrence } from "../events.ts";

/** Equal events within this time become one line with a count; the first is written at once. Unit: milliseconds. */
export const COLLAPSE_MS = 10_000;
/** Rows are written to the database this often. Unit: milliseconds. */
export const FLUSH_MS = 1_000;
/** Rows that wait for the database; more are only in the lines. */
const MAX_WAITING = 2_000;
const MAX_COLLAPSED = 5_000;

/** What the log writes to. */
export interface LogSources {
  readonly origin: string;
  /** Writes one JSON line. */
  readonly line: (event: Readonly<Record<string, unknown>>) => void;
  readonly database: Database;
  /** Wall clock, for the `at` field only. */
  readonly wallClock: () => Date;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
  /** Hears of every event that is written; alerts.ts decides. */
  readonly onWritten: (event: SecurityEvent) => void;
}

/** The log. */
export interface SecurityLog extends EventSink {
  /** Writes collapsed events whose time is over, and rows. Call it every {@link FLUSH_MS} and once at the end with `all`. */
  flush(all?: boolean): Promise<void>;
  /** Events that reached no row because the database did not keep up. */
  readonly lostRows: number;
}

/** Attacker-chosen names as they may be logged: harmless ones as they are, all others as hash and length. */
export function loggableNames(
  module: string,
  tool: string | null,
): Pick<SecurityEvent, "module" | "tool" | "nameHash"> {
  const safe = SAFE_NAME.test(module) && (tool === null || SAFE_NAME.test(tool));
  if (safe) return { module, ...(tool === null ? {} : { tool }) };
  const text = JSON.stringify([module, tool]);
  return { nameHash: `${hash("sha256", text, "hex").slice(0, 32)}:${module.length + (tool?.length ?? 0)}` };
}

/** The database takes no event that is older than a day; one that has waited longer is dated a day ago. */
const MAX_AGE_SECONDS = 86_000;

const INSERT = `
insert into mcpist.security_events
  (at, layer, event, verdict, severity, score, user_id, client_id, module, tool, name_hash, request_id, origin, http_status, count, reason, kid)
select now() - make_interval(secs => least(age, ${MAX_AGE_SECONDS})), 'origin', event, verdict, severity, coalesce(score, 0), user_id, client_id, module, tool,
  name_hash, request_id, $2, http_status, coalesce(count, 1), left(reason, 200), kid
from json_to_recordset($1::json) as x(age double precision, event text, verdict text, severity text, score int, user_id uuid, client_id text,
  module text, tool text, name_hash text, request_id uuid, http_status int, count int, reason text, kid text)`;

interface Waiting {
  readonly event: SecurityEvent;
  readonly noticedAt: number;
}
interface Collapsed {
  readonly until: number;
  readonly last: Occurrence;
  readonly count: number;
}

const keyOf = ({ event, userId, verdict, module, tool, nameHash, reason, kid }: Occurrence): string =>
  JSON.stringify([event, userId, verdict, module, tool, nameHash, reason, kid]);

const rowOf = ({ event, noticedAt }: Waiting, now: number) => ({
  // The database's clock dates the row; ours only says how long the event has waited.
  age: Math.max(0, (now - noticedAt) / 1000),
  event: event.event,
  verdict: event.verdict satisfies SieveVerdict | undefined,
  severity: event.severity,
  score: event.score,
  user_id: event.userId,
  client_id: event.clientId,
  module: event.module,
  tool: event.tool,
  name_hash: event.nameHash,
  request_id: event.requestId,
  http_status: event.httpStatus,
  count: event.count,
  reason: event.reason,
  kid: event.kid,
});

/** SQLSTATE classes 22 (data exception) and 23 (constraint violation): the rows are at fault, and stay so. */
const isRowsFault = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && /^2[23]/.test(String(cause.code));
/** Somebody else has the id that the database wanted to give: the next one is given at the next try. */
const isTaken = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "23505";

/** Builds the log. */
export function createLog({ origin, line, database, wallClock, now, onWritten }: LogSources): SecurityLog {
  const collapsed = new Map<string, Collapsed>();
  let waiting: Waiting[] = [];
  let lostRows = 0;
  let flushing: Promise<void> = Promise.resolve();

  function write(occurrence: Occurrence): void {
    const event: SecurityEvent = { at: wallClock().toISOString(), layer: "origin", origin, ...occurrence };
    line({ ...event });
    if (waiting.length < MAX_WAITING) waiting.push({ event, noticedAt: now() });
    else lostRows++;
    onWritten(event);
  }

  function closeCollapsed(all: boolean): void {
    const at = now();
    for (const [key, entry] of collapsed) {
      if (!all && entry.until > at) continue;
      collapsed.delete(key);
      if (entry.count > 0) write({ ...entry.last, count: entry.count });
    }
  }

  const insert = (batch: readonly Waiting[]): Promise<unknown> =>
    database.query(INSERT, [JSON.stringify(batch.map((entry) => rowOf(entry, now()))), origin]);

  function keep(batch: readonly Waiting[]): void {
    const room = Math.max(0, MAX_WAITING - waiting.length);
    lostRows += Math.max(0, batch.length - room);
    waiting = [...batch.slice(0, room), ...waiting];
  }

  /** Halves what the database does not take, until one row is left: one bad row must not keep the others out for ever. */
  async function writeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      await insert(batch).catch((cause: unknown) => {
        if (!isTaken(cause)) throw cause;
        return insert(batch);
      });
    } catch (cause) {
      if (!isRowsFault(cause)) keep(batch);
      else if (batch.length === 1) lostRows++;
      else {
        await writeBatch(batch.slice(0, batch.length >> 1));
        await writeBatch(batch.slice(batch.length >> 1));
      }
    }
  }

  async function writeRows(): Promise<void> {
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    await writeBatch(batch);
  }

  return {
    record(occurrence) {
      const key = keyOf(occurrence);
      const open = collapsed.get(key);
      if (open && open.until > now()) {
        collapsed.set(key, { until: open.until, last: occurrence, count: open.count + (occurrence.count ?? 1) });
        return;
      }
      if (open || collapsed.size >= MAX_COLLAPSED) closeCollapsed(false);
      if (collapsed.size < MAX_COLLAPSED)
        collapsed.set(key, { until: now() + COLLAPSE_MS, last: occurrence, count: 0 });
      write(occurrence);
    },
    flush(all = false) {
      closeCollapsed(all);
      flushing = flushing.then(writeRows);
      return flushing;
    },
    get lostRows() {
      return lostRows;
    },
  };
}

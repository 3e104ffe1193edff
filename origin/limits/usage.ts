/**
 * Accounting: counts calls in memory and adds them to the database every ten minutes and at shutdown. The limit itself does not
 * depend on it. What it reads back serves detection only: a user whose calls over all origins exceed the plan is reported.
 */
import type { Database } from "../database/database.ts";
import type { EventSink } from "../events.ts";

/** Unit: milliseconds. */
export const SYNC_INTERVAL_MS = 600_000;
const WINDOW_MINUTES = 10;
/** Users whose counts wait. More can only come together while the database is away for long; theirs are not counted. */
const MAX_USERS = 100_000;

/** What happened to one call. */
export type UsageKind = "calls" | "refused" | "limited";

/** Counts and syncs. */
export interface Usage {
  count(userId: string, kind: UsageKind): void;
  /** Adds the counts to the database; counts that could not be written are kept for the next time. Never throws. */
  sync(): Promise<boolean>;
  readonly pendingUsers: number;
}

interface Counts {
  calls: number;
  refused: number;
  limited: number;
}

/** One statement: either all counts are added or none. Windows are the database's, so origins never compare clocks. */
const ADD = `
with added as (
  select * from json_to_recordset($2::json) as x(user_id uuid, calls bigint, refused bigint, limited bigint)
), monthly as (
  insert into mcpist.usage_monthly as m (user_id, month, calls)
  select user_id, date_trunc('month', now())::date, calls from added
  where calls > 0 and exists (select from mcpist.settings where key = 'monthly_quota' and value = 'on')
  on conflict (user_id, month) do update set calls = m.calls + excluded.calls
)
insert into mcpist.usage_counters as c (user_id, origin, window_start, calls, refused, limited)
select user_id, $1, date_bin('10 minutes', now(), timestamptz '2000-01-01'), calls, refused, limited from added
on conflict (user_id, origin, window_start) do update
  set calls = c.calls + excluded.calls, refused = c.refused + excluded.refused, limited = c.limited + excluded.limited`;

/** Users of the last finished window whose calls over all origins exceed what the plan allows in that time. */
const OVERRUNS = `
select c.user_id::text as user_id, sum(c.calls)::int as calls
from mcpist.usage_counters c join mcpist.users u using (user_id) join mcpist.plans p on p.id = u.plan_id
where c.window_start = date_bin('10 minutes', now(), timestamptz '2000-01-01') - interval '10 minutes' and p.per_minute > 0
group by c.user_id, p.per_minute
having sum(c.calls) > p.per_minute * ${WINDOW_MINUTES}
order by c.user_id limit 100`;

/** Builds the counter. */
export function createUsage(database: Database, origin: string, events: EventSink): Usage {
  let pending = new Map<string, Counts>();

  const merge = (counts: ReadonlyMap<string, Counts>): void => {
    for (const [userId, lost] of counts) {
      const kept = pending.get(userId);
      if (!kept) pending.set(userId, lost);
      else {
        kept.calls += lost.calls;
        kept.refused += lost.refused;
        kept.limited += lost.limited;
      }
    }
  };

  return {
    count(userId, kind) {
      let counts = pending.get(userId);
      if (!counts) {
        if (pending.size >= MAX_USERS) return;
        pending.set(userId, (counts = { calls: 0, refused: 0, limited: 0 }));
      }
      counts[kind]++;
    },
    async sync() {
      const taken = pending;
      pending = new Map();
      try {
        if (taken.size > 0) {
          const rows = Array.from(taken, ([userId, counts]) => ({ user_id: userId, ...counts }));
          await database.query(ADD, [origin, JSON.stringify(rows)]);
        }
      } catch {
        merge(taken);
        return false;
      }
      try {
        for (const { user_id: userId, calls } of await database.query<{ user_id: string; calls: number }>(OVERRUNS))
          events.record({ event: "quota_overrun", severity: "warn", requestId: null, userId, count: calls });
      } catch {
        return false;
      }
      return true;
    },
    get pendingUsers() {
      return pending.size;
    },
  };
}

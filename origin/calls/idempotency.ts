/**
 * At most one execution per request id over all origins. The id is claimed in the shared database, committed on its own before
 * any side effect; a second comer gets the stored result or is told to wait. It never runs anything itself.
 */
import type { Database } from "../database/database.ts";

/** Results up to this size are kept for the second comer. Unit: bytes. */
const MAX_RESULT_BYTES = 256 * 1024;
/** How long a second comer waits for the first. Unit: milliseconds. */
const WAIT_MS = 5_000;
const POLL_MS = 250;
/** A claim of an idempotent tool that is older than this may be taken over. */
const STALE_SECONDS = 60;

/** What the caller of a tool may do. */
export type Claim =
  /** Execute, then `finish` with this mark. */
  | { readonly kind: "owned"; readonly mark: string }
  /** Executed before; `result` is null when it was not kept. */
  | { readonly kind: "done"; readonly result: string | null }
  /** Someone else executes, and did not finish while we waited. */
  | { readonly kind: "busy" }
  /** The id belongs to another user. */
  | { readonly kind: "foreign" };

/** One call as it is claimed. */
export interface ClaimRequest {
  readonly requestId: string;
  readonly userId: string;
  readonly module: string;
  readonly tool: string;
  readonly idempotent: boolean;
}

/** The claims of one origin. */
export interface Claims {
  /** @throws when the database does not answer: then nothing may be executed. */
  claim(request: ClaimRequest): Promise<Claim>;
  /** Marks as done; the result is dropped when it is too large. @throws when the database does not answer. */
  finish(requestId: string, mark: string, result: string): Promise<void>;
  /** Has the database delete what its retention rules say, claims included. @throws when the database does not answer. */
  sweep(): Promise<void>;
}

/** What claims need from outside. */
export interface ClaimSources {
  readonly database: Database;
  readonly origin: string;
  readonly sleep: (ms: number) => Promise<void>;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
}

const CLAIM = `
insert into mcpist.call_claims (request_id, user_id, origin, module_id, tool_id) values ($1::uuid, $2::uuid, $3, $4, $5)
on conflict (request_id) do nothing returning claimed_at::text as mark`;
const READ = `
select user_id::text as user_id, module_id, tool_id, state, convert_from(result, 'UTF8') as result
from mcpist.call_claims where request_id = $1::uuid`;
const TAKE_OVER = `
update mcpist.call_claims set origin = $2, claimed_at = now(), expires_at = now() + interval '10 minutes'
where request_id = $1::uuid and state = 'claimed' and claimed_at < now() - interval '${STALE_SECONDS} seconds'
returning claimed_at::text as mark`;
const FINISH = `
update mcpist.call_claims set state = 'done', finished_at = now(), result = convert_to($3, 'UTF8')
where request_id = $1::uuid and claimed_at = $2::timestamptz and state = 'claimed'`;
const SWEEP = "select mcpist.sweep() as swept";
/** Batches of one sweep; what is left is for the next one. */
const MAX_BATCHES = 50;

interface Row {
  readonly user_id: string;
  readonly module_id: string;
  readonly tool_id: string;
  readonly state: "claimed" | "done";
  readonly result: string | null;
}

/** Builds the claims of one origin. */
export function createClaims({ database, origin, sleep, now }: ClaimSources): Claims {
  async function secondComer({ requestId, userId, module, tool, idempotent }: ClaimRequest): Promise<Claim> {
    const until = now() + WAIT_MS;
    for (;;) {
      const [row] = await database.query<Row>(READ, [requestId]);
      // Expired and swept between our insert and this read: whether it ran is no longer known.
      if (!row) return { kind: "busy" };
      // The same id for another user or another call is not a retry of this request.
      if (row.user_id !== userId || row.module_id !== module || row.tool_id !== tool) return { kind: "foreign" };
      if (row.state === "done") return { kind: "done", result: row.result };
      if (idempotent) {
        const [taken] = await database.query<{ mark: string }>(TAKE_OVER, [requestId, origin]);
        if (taken) return { kind: "owned", mark: taken.mark };
      }
      if (now() >= until) return { kind: "busy" };
      await sleep(POLL_MS);
    }
  }

  return {
    async claim(request) {
      const { requestId, userId, module, tool } = request;
      const [row] = await database.query<{ mark: string }>(CLAIM, [requestId, userId, origin, module, tool]);
      return row ? { kind: "owned", mark: row.mark } : secondComer(request);
    },
    async finish(requestId, mark, result) {
      const kept = Buffer.byteLength(result) <= MAX_RESULT_BYTES ? result : null;
      await database.query(FINISH, [requestId, mark, kept]);
    },
    async sweep() {
      for (let batch = 0; batch < MAX_BATCHES; batch++) {
        const [row] = await database.query<{ swept: number }>(SWEEP);
        if (!row?.swept) return;
      }
    },
  };
}

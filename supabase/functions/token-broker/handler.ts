/**
 * The token broker: gives an origin a short-lived access token of one user for one module. Refresh tokens stay between the Vault and
 * this function; they are never returned and never logged. It trusts nothing but its own credential: that the user may use the
 * module is checked again, in the database, by a function that also locks the connection while it is refreshed.
 */
import { createHash } from "node:crypto";
import { BROKER_SECRET_HEADER } from "./credential.ts";
import { createRefusals } from "./refusals.ts";
import { refresh, type Provider } from "./refresh.ts";

/** One statement. */
export type Query = <Row extends object>(text: string, parameters: readonly (string | number | null)[]) => Promise<readonly Row[]>;

/** The broker's database role. */
export interface BrokerDatabase {
  readonly query: Query;
  /** Runs `work` in one transaction; rolls back when it throws. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
}

/** What the broker needs from outside. */
export interface BrokerParts {
  readonly database: BrokerDatabase;
  readonly isCaller: (presented: string | null) => boolean;
  /** By module name. */
  readonly providers: ReadonlyMap<string, Provider>;
  readonly fetch: typeof fetch;
  /** Writes one JSON line. */
  readonly line: (event: Readonly<Record<string, unknown>>) => void;
  readonly sleep: (ms: number) => Promise<void>;
  /** Keeps the process until `work` is done, after the answer has left. `work` never rejects. */
  readonly later: (work: Promise<void>) => void;
}

const MAX_BODY_BYTES = 4096;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MODULE = /^[A-Za-z0-9_.-]{1,64}$/;
const DIGEST = /^[0-9a-f]{64}$/;

/** A request that has the right shape. */
interface Asked {
  readonly requestId: string;
  readonly userId: string;
  readonly module: string;
  /** SHA-256 of an access token that the provider has refused, in hex: not every provider says when its tokens end. */
  readonly rejected: string | null;
}
/** How a request ends. */
type Outcome =
  | { readonly kind: "token"; readonly accessToken: string; readonly expiresAt: number | null }
  | { readonly kind: "not_connected" }
  | { readonly kind: "broken" }
  | { readonly kind: "unavailable" };

const OPEN = `
select secret, expired, extract(epoch from access_expires_at)::float8 as expires_at from mcpist.broker_open($1::uuid, $2)`;
const STORE = "select mcpist.broker_store($1::uuid, $2, $3, $4::integer)";
const BREAK = "select mcpist.broker_break($1::uuid, $2)";
const LOG = `
insert into mcpist.security_events (layer, event, severity, user_id, module, request_id, http_status, count)
values ('broker', 'broker_denied', $1, $2::uuid, $3, $4::uuid, $5::integer, $6::integer)`;

interface Connection {
  readonly secret: string;
  readonly expired: boolean;
  readonly expires_at: number | null;
}

async function readAsked(request: Request): Promise<Asked | null> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) return null;
  try {
    const text = await request.text();
    if (text.length > MAX_BODY_BYTES) return null;
    const body = JSON.parse(text) as Record<string, unknown>;
    const { request_id: requestId, user_id: userId, module, rejected = null } = body;
    if (rejected !== null && !(typeof rejected === "string" && DIGEST.test(rejected))) return null;
    if (typeof requestId !== "string" || typeof userId !== "string" || typeof module !== "string") return null;
    return UUID.test(requestId) && UUID.test(userId) && MODULE.test(module) ? { requestId, userId, module, rejected } : null;
  } catch {
    return null;
  }
}

function tokensIn(secret: string): { readonly access: string | null; readonly refresh: string | null } {
  try {
    const { access_token: access, refresh_token: refreshToken } = JSON.parse(secret) as Record<string, unknown>;
    return { access: typeof access === "string" ? access : null, refresh: typeof refreshToken === "string" ? refreshToken : null };
  } catch {
    return { access: null, refresh: null };
  }
}

/** Opens the connection under its lock and refreshes where needed. @throws when the database does not answer. */
function tokenFor({ userId, module, rejected }: Asked, { database, providers, fetch }: BrokerParts): Promise<Outcome> {
  return database.transaction(async (query) => {
    const [connection] = await query<Connection>(OPEN, [userId, module]);
    if (!connection) return { kind: "not_connected" };
    const kept = tokensIn(connection.secret);
    // Only the token that is kept can be refused: whoever still holds an older one gets the newer one.
    const isRefused = kept.access !== null && rejected === createHash("sha256").update(kept.access).digest("hex");
    if (kept.access !== null && !connection.expired && !isRefused)
      return { kind: "token", accessToken: kept.access, expiresAt: connection.expires_at };
    if (kept.refresh === null) {
      await query(BREAK, [userId, module]);
      return { kind: "broken" };
    }
    const provider = providers.get(module);
    // Our mistake, not the user's: the connection stays as it is.
    if (!provider) return { kind: "unavailable" };
    const refreshed = await refresh(provider, kept.refresh, fetch);
    if (refreshed.kind === "unavailable") return { kind: "unavailable" };
    if (refreshed.kind === "broken") {
      await query(BREAK, [userId, module]);
      return { kind: "broken" };
    }
    const { accessToken, refreshToken, expiresIn } = refreshed;
    await query(STORE, [userId, module, JSON.stringify({ access_token: accessToken, refresh_token: refreshToken }), expiresIn]);
    const [stored] = await query<Connection>(OPEN, [userId, module]);
    return { kind: "token", accessToken, expiresAt: stored?.expires_at ?? null };
  });
}

const empty = (status: number): Response => new Response(null, { status, headers: { "cache-control": "no-store" } });

/** Builds the handler. */
export function createBroker(parts: BrokerParts): (request: Request) => Promise<Response> {
  const { database, isCaller, line, sleep, later } = parts;

  /** Writes a denial to the log and to the table. Never rejects. */
  async function record(severity: "critical" | "warn", status: number, reason: string, asked: Asked | null, count: number): Promise<void> {
    const { requestId = null, userId = null, module = null } = asked ?? {};
    const at = new Date().toISOString();
    line({ at, layer: "broker", event: "broker_denied", severity, reason, requestId, userId, module, httpStatus: status, count });
    try {
      await database.query(LOG, [severity, userId, module, requestId, status, count]);
    } catch {
      // The line above is there; a database that is away must not change anything else.
    }
  }
  const refused = createRefusals({ write: (count) => record("critical", 403, "caller", null, count), sleep, later });

  function deny(status: number, reason: string, asked: Asked | null): Response {
    later(record("warn", status, reason, asked, 1));
    return empty(status);
  }

  return async (request) => {
    // The credential is checked before anything else, the method included. A repeated header arrives joined and matches nothing.
    if (!isCaller(request.headers.get(BROKER_SECRET_HEADER))) {
      refused();
      return empty(403);
    }
    if (request.method !== "POST") return empty(405);
    const asked = await readAsked(request);
    if (!asked) return deny(400, "shape", null);
    let outcome: Outcome;
    try {
      outcome = await tokenFor(asked, parts);
    } catch {
      return deny(503, "database", asked);
    }
    switch (outcome.kind) {
      case "token":
        return Response.json(
          { access_token: outcome.accessToken, expires_at: outcome.expiresAt },
          { headers: { "cache-control": "no-store" } },
        );
      case "not_connected":
      case "broken":
        return deny(404, outcome.kind, asked);
      case "unavailable":
        return deny(503, "provider", asked);
    }
  };
}

/**
 * The token broker: gives an origin a short-lived access token of one user for one module. Refresh tokens stay between the Vault and
 * this function; they are never returned and never logged. It trusts nothing but its own credential: that the user may use the
 * module is checked again, in the database. Each statement is a transaction of its own, so that nothing is held while a provider is
 * asked; a lease keeps two instances from using one refresh token.
 */
import { BROKER_SECRET_HEADER } from "./credential.ts";
import { createRefusals } from "./refusals.ts";
import { refresh, type Provider } from "./refresh.ts";

/** One statement, which is its own transaction. @throws whatever the driver throws. */
export type Query = <Row extends object>(
  text: string,
  parameters: readonly (string | number | boolean | null)[],
) => Promise<readonly Row[]>;

/** The broker's database role. */
export interface BrokerDatabase {
  readonly query: Query;
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
  readonly later: (work: Promise<unknown>) => void;
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
  | {
      readonly kind: "token";
      readonly accessToken: string;
      readonly expiresAt: number | null;
      readonly scopes: readonly string[];
    }
  | { readonly kind: "not_connected" }
  | { readonly kind: "broken" }
  /** `provider`: it has no answer, or none is configured. `busy`: somebody else refreshes. `replaced`: the account was connected anew. */
  | { readonly kind: "unavailable"; readonly reason: "provider" | "busy" | "replaced" };

/** While somebody else refreshes: how often is looked, and for how long; longer than a provider may take. Unit: milliseconds. */
const LOOK_MS = 250;
const MAX_WAIT_MS = 6_000;

const OPEN = `
select state, access_token, extract(epoch from expires_at)::float8 as expires_at, scopes, refresh_token, lease::text as lease
from mcpist.broker_open($1::uuid, $2, $3)`;
const STORE = `
select extract(epoch from expires_at)::float8 as expires_at, scopes
from mcpist.broker_store($1::uuid, $2, $3::uuid, $4, $5, $6::integer, $7)`;
const RELEASE = "select mcpist.broker_release($1::uuid, $2, $3::uuid, $4::boolean)";
const LOG = `
insert into mcpist.security_events (layer, event, severity, user_id, module, request_id, http_status, count)
values ('broker', 'broker_denied', $1, $2::uuid, $3, $4::uuid, $5::integer, $6::integer)`;

interface Stored {
  readonly expires_at: number | null;
  readonly scopes: readonly string[];
}
type Opened =
  | ({ readonly state: "token"; readonly access_token: string } & Stored)
  | { readonly state: "refresh"; readonly refresh_token: string; readonly lease: string }
  | { readonly state: "busy" }
  | { readonly state: "broken" };

async function readAsked(request: Request): Promise<Asked | null> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) return null;
  try {
    const text = await request.text();
    if (text.length > MAX_BODY_BYTES) return null;
    const body = JSON.parse(text) as Record<string, unknown>;
    const { request_id: requestId, user_id: userId, module, rejected = null } = body;
    if (rejected !== null && !(typeof rejected === "string" && DIGEST.test(rejected))) return null;
    if (typeof requestId !== "string" || typeof userId !== "string" || typeof module !== "string") return null;
    return UUID.test(requestId) && UUID.test(userId) && MODULE.test(module)
      ? { requestId, userId, module, rejected }
      : null;
  } catch {
    return null;
  }
}

/** Refreshes under a lease, and gives it back whatever happens. @throws when the database does not answer. */
async function refreshUnder(
  lease: string,
  refreshToken: string,
  { userId, module }: Asked,
  parts: BrokerParts,
): Promise<Outcome> {
  const { database, providers, fetch } = parts;
  const provider = providers.get(module);
  // A provider that is not configured is our mistake, not the user's: the connection stays as it is.
  const refreshed = provider ? await refresh(provider, refreshToken, fetch) : ({ kind: "unavailable" } as const);
  if (refreshed.kind !== "tokens") {
    await database.query(RELEASE, [userId, module, lease, refreshed.kind === "broken"]);
    return refreshed.kind === "broken" ? refreshed : { kind: "unavailable", reason: "provider" };
  }
  const { accessToken, expiresIn, scope } = refreshed;
  const store = () =>
    database.query<Stored>(STORE, [userId, module, lease, accessToken, refreshed.refreshToken, expiresIn, scope]);
  // The one refresh token that is good now is in this process only: a second try is worth it. It finds no lease when the first was
  // stored after all.
  const [stored] = await store().catch(store);
  // Whoever connected meanwhile wants to be that account; this token is of the one before.
  if (!stored) return { kind: "unavailable", reason: "replaced" };
  return { kind: "token", accessToken, expiresAt: stored.expires_at, scopes: stored.scopes };
}

/** Finds a token that is good, refreshing it where needed. @throws when the database does not answer. */
async function tokenFor(asked: Asked, parts: BrokerParts): Promise<Outcome> {
  const { database, sleep } = parts;
  for (let waited = 0; ; waited += LOOK_MS) {
    const [opened] = await database.query<Opened>(OPEN, [asked.userId, asked.module, asked.rejected]);
    if (!opened) return { kind: "not_connected" };
    switch (opened.state) {
      case "token":
        return { kind: "token", accessToken: opened.access_token, expiresAt: opened.expires_at, scopes: opened.scopes };
      case "broken":
        return { kind: "broken" };
      case "refresh":
        return refreshUnder(opened.lease, opened.refresh_token, asked, parts);
      case "busy":
        if (waited >= MAX_WAIT_MS) return { kind: "unavailable", reason: "busy" };
        await sleep(LOOK_MS);
    }
  }
}

const empty = (status: number): Response => new Response(null, { status, headers: { "cache-control": "no-store" } });

/** Builds the handler. */
export function createBroker(parts: BrokerParts): (request: Request) => Promise<Response> {
  const { database, isCaller, line, sleep, later } = parts;

  /** Writes a denial to the log and to the table. Never rejects. */
  async function record(
    severity: "critical" | "warn",
    status: number,
    reason: string,
    asked: Asked | null,
    count: number,
  ): Promise<void> {
    const { requestId = null, userId = null, module = null } = asked ?? {};
    const at = new Date().toISOString();
    line({
      at,
      layer: "broker",
      event: "broker_denied",
      severity,
      reason,
      requestId,
      userId,
      module,
      httpStatus: status,
      count,
    });
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
    const running = tokenFor(asked, parts);
    // A caller who hangs up must not cost a refresh token that the provider has just replaced.
    later(running.catch(() => null));
    try {
      outcome = await running;
    } catch {
      return deny(503, "database", asked);
    }
    switch (outcome.kind) {
      case "token":
        return Response.json(
          { access_token: outcome.accessToken, expires_at: outcome.expiresAt, scopes: outcome.scopes },
          { headers: { "cache-control": "no-store" } },
        );
      case "not_connected":
      case "broken":
        return deny(404, outcome.kind, asked);
      case "unavailable":
        return deny(503, outcome.reason, asked);
    }
  };
}

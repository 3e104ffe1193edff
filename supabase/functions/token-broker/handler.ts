/**
 * The token broker: gives an origin a short-lived access token of one user for one module. Refresh tokens stay between the Vault and
 * this function; they are never returned and never logged. It trusts nothing but its own credential: that the user may use the
 * module is checked again, in the database. Each statement is a transaction of its own, so that nothing is held while a provider is
 * asked; a lease keeps two instances from using one refresh token. Each token that leaves is written down.
 */
import { readBounded } from "./bounded.ts";
import { BROKER_SECRET_HEADER } from "./credential.ts";
import { createFinder, type Asked, type Outcome } from "./find.ts";
import type { BrokerParts } from "./parts.ts";
import { createRefusals, type Refusal } from "./refusals.ts";

const MAX_BODY_BYTES = 4096;
/** How long a caller may take to send that. Unit: milliseconds. */
const BODY_TIMEOUT_MS = 5_000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MODULE = /^[A-Za-z0-9_.-]{1,64}$/;
const DIGEST = /^[0-9a-f]{64}$/;

const LOG = `
insert into mcpist.security_events (layer, event, severity, user_id, module, request_id, http_status, count, reason)
values ('broker', 'broker_denied', $1, $2::uuid, $3, $4::uuid, $5::integer, $6::integer, $7)`;

async function readAsked(request: Request): Promise<Asked | null> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) return null;
  try {
    const text = await readBounded(request.body, MAX_BODY_BYTES, AbortSignal.timeout(BODY_TIMEOUT_MS));
    if (text === null) return null;
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

const empty = (status: number): Response => new Response(null, { status, headers: { "cache-control": "no-store" } });

/** Builds the handler. */
export function createBroker(parts: BrokerParts): (request: Request) => Promise<Response> {
  const { database, isCaller, line, sleep, later } = parts;

  /** Writes a denial to the log and to the table. Never rejects. */
  async function write({ status, requestId, userId, module, ...refusal }: Refusal, count: number): Promise<void> {
    const { severity, reason } = refusal;
    const denied = { at: new Date().toISOString(), layer: "broker", event: "broker_denied" };
    line({ ...denied, ...refusal, requestId, userId, module, httpStatus: status, count });
    const row = [severity, userId, module, requestId, status, count, reason] as const;
    // The line is there; a database that is away must not change anything else. Somebody may have the id that it would give: once more.
    await database.query(LOG, row).catch(() => database.query(LOG, row).catch(() => null));
  }
  const refused = createRefusals({ write, sleep, later });
  const nobody = { requestId: null, userId: null, module: null };

  function deny(status: number, reason: string, asked: Asked | null, severity: "critical" | "warn" = "warn"): Response {
    const { requestId, userId, module } = asked ?? nobody;
    refused({ severity, status, reason, requestId, userId, module });
    return empty(status);
  }
  const tokenFor = createFinder(parts, (asked) => void deny(503, "refresh_lost", asked, "critical"));

  return async (request) => {
    // The credential is checked before anything else, the method included. A repeated header arrives joined and matches nothing.
    if (!isCaller(request.headers.get(BROKER_SECRET_HEADER))) return deny(403, "caller", null, "critical");
    if (request.method !== "POST") return empty(405);
    const asked = await readAsked(request);
    if (!asked) return deny(400, "shape", null);
    let outcome: Outcome;
    const running = tokenFor(asked);
    // A caller who hangs up must not cost a refresh token that the provider has just replaced.
    later(running.catch(() => null));
    try {
      outcome = await running;
    } catch {
      return deny(503, "database", asked);
    }
    switch (outcome.kind) {
      case "token":
        line({
          at: new Date().toISOString(),
          layer: "broker",
          event: "token_given",
          severity: "info",
          requestId: asked.requestId,
          userId: asked.userId,
          module: asked.module,
        });
        return Response.json(
          { access_token: outcome.accessToken, expires_at: outcome.expiresAt, scopes: outcome.scopes },
          { headers: { "cache-control": "no-store" } },
        );
      case "absent":
        return deny(404, outcome.reason, asked);
      case "unavailable":
        return deny(503, outcome.reason, asked);
    }
  };
}

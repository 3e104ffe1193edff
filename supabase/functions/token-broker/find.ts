/**
 * Finds a token that is good. The database says whether the kept one is; where it is not, one caller refreshes it under a lease, keeps what
 * came, and everybody else waits.
 */
import { keep } from "./keep.ts";
import type { BrokerParts } from "./parts.ts";
import { refresh } from "./refresh.ts";

/** A request that has the right shape. */
export interface Asked {
  readonly requestId: string;
  readonly userId: string;
  readonly module: string;
  /** SHA-256 of an access token that the provider has refused, in hex: not every provider says when its tokens end. */
  readonly rejected: string | null;
}
/** How a request ends. */
export type Outcome =
  | {
      readonly kind: "token";
      readonly accessToken: string;
      readonly expiresAt: number | null;
      readonly scopes: readonly string[];
    }
  /** `rejected`: the provider has refused the token, and there is nothing to refresh it with. */
  | { readonly kind: "absent"; readonly reason: "not_connected" | "broken" | "rejected" }
  /**
   * `provider`: it has no answer, or none is configured. `busy`: somebody else refreshes. `replaced`: the account was connected anew.
   * `recent`: the provider refuses a token that it gave a moment ago.
   */
  | { readonly kind: "unavailable"; readonly reason: "provider" | "busy" | "replaced" | "recent" };

/** While somebody else refreshes: how soon and how often is looked, and for how long; longer than a provider may take. Unit: milliseconds. */
const LOOK_MS = 250;
const MAX_LOOK_MS = 1_000;
const MAX_WAIT_MS = 12_000;
/** How long a caller waits until a new token is stored; storing goes on without them. Unit: milliseconds. */
export const PATIENCE_MS = 4_000;

const OPEN = `
select state, access_token, extract(epoch from expires_at)::float8 as expires_at, scopes, refresh_token, lease::text as lease
from mcpist.broker_open($1::uuid, $2, $3, $4::uuid)`;
const STORE = `
select extract(epoch from expires_at)::float8 as expires_at, scopes
from mcpist.broker_store($1::uuid, $2, $3::uuid, $4, $5, $6, $7::integer, $8)`;
const RELEASE = "select mcpist.broker_release($1::uuid, $2, $3::uuid, $4::boolean)";

interface Stored {
  readonly expires_at: number | null;
  readonly scopes: readonly string[];
}
type Opened =
  | ({ readonly state: "token"; readonly access_token: string } & Stored)
  | {
      readonly state: "refresh";
      readonly refresh_token: string;
      readonly lease: string;
      readonly scopes: readonly string[];
    }
  | { readonly state: "busy" | "recent" | "refused" | "broken" };
type Refreshing = Extract<Opened, { readonly state: "refresh" }>;

const scopesIn = (scope: string): readonly string[] => scope.split(/[\s,]+/).filter((one) => one !== "");

/** Refreshes under a lease, and gives it back whatever happens. `onLost`: the new tokens could not be stored at last. Never throws. */
async function refreshUnder(
  { lease, refresh_token: used, scopes }: Refreshing,
  { userId, module }: Asked,
  parts: BrokerParts,
  onLost: () => void,
): Promise<Outcome> {
  const { database, providers, fetch, sleep, later } = parts;
  const provider = providers.get(module);
  // A provider that is not configured is our mistake, not the user's: the connection stays as it is.
  const refreshed = provider ? await refresh(provider, used, fetch, sleep) : ({ kind: "unavailable" } as const);
  if (refreshed.kind !== "tokens") {
    const broken = refreshed.kind === "broken";
    // A lease that cannot be given back ends by itself, and the provider says the same again.
    await database.query(RELEASE, [userId, module, lease, broken]).catch(() => null);
    return broken ? { kind: "absent", reason: "broken" } : { kind: "unavailable", reason: "provider" };
  }
  const { accessToken, refreshToken, expiresIn, scope } = refreshed;
  const over = Date.now() / 1000 + expiresIn;
  const storing = keep(
    () => database.query<Stored>(STORE, [userId, module, lease, used, accessToken, refreshToken, expiresIn, scope]),
    parts,
  );
  later(storing.catch(onLost));
  // null: it is not stored yet, or was not. The token is good all the same.
  const stored = await Promise.race([storing, sleep(PATIENCE_MS).then(() => null)]).catch(() => null);
  // Whoever connected meanwhile wants to be that account; this token is of the one before.
  if (stored?.length === 0) return { kind: "unavailable", reason: "replaced" };
  if (accessToken === null) return { kind: "unavailable", reason: "provider" };
  const kept = stored?.[0] ?? { expires_at: over, scopes: scope === null ? scopes : scopesIn(scope) };
  return { kind: "token", accessToken, expiresAt: kept.expires_at, scopes: kept.scopes };
}

/** Finds tokens that are good, refreshing them where needed. */
export function createFinder(parts: BrokerParts, onLost: (asked: Asked) => void) {
  const { database, sleep } = parts;
  /** Refreshes of this instance, by user and module: whoever else needs one waits here and not at the database. */
  const running = new Map<string, Promise<Outcome>>();

  /** @throws when the database does not answer. */
  return async function tokenFor(asked: Asked): Promise<Outcome> {
    const { requestId, userId, module, rejected } = asked;
    const key = `${userId} ${module}`;
    for (let waited = 0, look = LOOK_MS; ; waited += look, look = Math.min(look * 2, MAX_LOOK_MS)) {
      const here = await running.get(key);
      // A token is asked for once more, by name: whether this caller may have it is not yet known, nor is it written down.
      if (here && here.kind !== "token") return here;
      const [opened] = await database.query<Opened>(OPEN, [userId, module, rejected, requestId]);
      if (!opened) return { kind: "absent", reason: "not_connected" };
      switch (opened.state) {
        case "token":
          return {
            kind: "token",
            accessToken: opened.access_token,
            expiresAt: opened.expires_at,
            scopes: opened.scopes,
          };
        case "broken":
          return { kind: "absent", reason: "broken" };
        case "refused":
          return { kind: "absent", reason: "rejected" };
        case "recent":
          return { kind: "unavailable", reason: "recent" };
        case "refresh": {
          const refreshing = refreshUnder(opened, asked, parts, () => onLost(asked));
          running.set(key, refreshing);
          return refreshing.finally(() => running.delete(key));
        }
        case "busy":
          if (waited >= MAX_WAIT_MS) return { kind: "unavailable", reason: "busy" };
          await sleep(look);
      }
    }
  };
}

/**
 * Client of the token broker: asks for a short-lived access token of one user for one module. Tokens stay in memory, one request
 * per user and module at a time, and live no longer than the permissions under which they were asked for: whatever makes the origin
 * read a user's permissions anew, a connection that changed among it, ends them. Refresh tokens never come here.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { BROKER_SECRET_HEADER } from "../../contract/headers.ts";
import { ToolError } from "../modules/module.ts";
import { Secret } from "../modules/secret.ts";

/** A token is used until this long before it expires, but never longer than {@link MAX_AGE_MS}. Unit: milliseconds. */
const EARLY_MS = 60_000;
export const MAX_AGE_MS = 300_000;
/**
 * Longer than a refresh takes: a statement, a provider's nine seconds, and four until the token is stored. Whoever gives up earlier loses
 * nothing, because the broker stores what it got. Unit: milliseconds.
 */
export const BROKER_TIMEOUT_MS = 20_000;
const MAX_REPLY_BYTES = 16 * 1024;

/** Why the broker gave no token. `connect`: the user must connect an account. `unavailable`: try later. */
type Failure = "connect" | "unavailable" | "refused";
/** Why there is no token. `scopes`: the broker gave one, and it may do less than the module needs. */
export type BrokerDenial = Failure | "scopes";

/** Texts for the caller. */
const TEXTS: Readonly<Record<Failure, string>> = {
  connect: "Connect your account for this module first.",
  unavailable: "Temporarily unavailable. Try again later.",
  refused: "Temporarily unavailable. Try again later.",
};

/** What the client needs from outside. */
export interface BrokerSources {
  /** null = no broker is configured. */
  readonly url: string | null;
  /** 64 lower-case hex characters. */
  readonly secret: string | null;
  /** What the tools of a module need at its provider. */
  readonly scopesOf: (module: string) => readonly string[];
  readonly fetch: typeof fetch;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
  /** Wall clock, to turn `expires_at` into an age. */
  readonly wallClock: () => Date;
  readonly onDenied: (userId: string, module: string, requestId: string, denial: BrokerDenial) => void;
}

/** Whose token, for what. */
export interface TokenRequest {
  readonly userId: string;
  readonly module: string;
  readonly requestId: string;
  /** The permissions that admitted the call, as the permission cache gave them: the same object until they are read anew. */
  readonly permissions: object;
}

/** Gives tokens. */
export interface Broker {
  /** @param rejected a token that the provider has just refused. @throws {@link ToolError} with a text for the caller. */
  token(request: TokenRequest, rejected?: Secret): Promise<Secret>;
}

const reply = z.object({
  access_token: z.string().min(1).max(8192),
  /** Seconds since 1970, or null for a token that does not expire. */
  expires_at: z.number().nullable(),
  /** What the provider granted; empty = it did not say. */
  scopes: z.array(z.string()),
});

/** The reply as text, or null when it is longer than an answer of the broker can be: no more of it is read then. */
async function readReply(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_REPLY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Names a token without telling it. */
const digestOf = (token: Secret): string => createHash("sha256").update(token.reveal()).digest("hex");

interface Kept {
  readonly token: Secret;
  /** On the clock of `now`. */
  readonly until: number;
  /** Scopes that the module needs and the token lacks. */
  readonly missing: readonly string[];
}

/** The tokens of one user, and the requests for them that are under way. */
interface Tokens {
  /** By user and module: permissions are one user's, and nothing here rests on that. */
  readonly kept: Map<string, Kept>;
  /** By user, module and the digest of the refused token. */
  readonly asking: Map<string, Promise<Kept>>;
}

/** Builds the client. */
export function createBroker({ url, secret, scopesOf, fetch, now, wallClock, onDenied }: BrokerSources): Broker {
  // Forgetting permissions forgets the tokens with them, also those that are still under way: their answers reach an entry that
  // nobody finds any more, and nobody who comes later waits for them.
  const tokens = new WeakMap<object, Tokens>();

  function tokensUnder(permissions: object): Tokens {
    const known = tokens.get(permissions) ?? { kept: new Map(), asking: new Map() };
    tokens.set(permissions, known);
    return known;
  }

  async function ask(
    { userId, module, requestId }: TokenRequest,
    kept: Tokens["kept"],
    rejected?: string,
  ): Promise<Kept | Failure> {
    if (url === null || secret === null) return "connect";
    let response: Response;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", [BROKER_SECRET_HEADER]: secret },
        body: JSON.stringify({
          request_id: requestId,
          user_id: userId,
          module,
          ...(rejected === undefined ? {} : { rejected }),
        }),
        redirect: "manual",
        signal: AbortSignal.timeout(BROKER_TIMEOUT_MS),
      });
    } catch {
      return "unavailable";
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      if (response.status === 404) return "connect";
      return response.status === 403 ? "refused" : "unavailable";
    }
    let parsed;
    try {
      const text = await readReply(response);
      if (text === null) return "unavailable";
      parsed = reply.safeParse(JSON.parse(text));
    } catch {
      return "unavailable";
    }
    if (!parsed.success) return "unavailable";
    const { access_token: accessToken, expires_at: expiresAt, scopes } = parsed.data;
    const left = expiresAt === null ? MAX_AGE_MS : expiresAt * 1000 - wallClock().getTime() - EARLY_MS;
    // Not every provider has scopes or names them; what its token may do, it decides itself in any case.
    const missing = scopes.length === 0 ? [] : scopesOf(module).filter((scope) => !scopes.includes(scope));
    const entry: Kept = { token: new Secret(accessToken), until: now() + Math.min(left, MAX_AGE_MS), missing };
    if (left > 0) kept.set(`${userId} ${module}`, entry);
    return entry;
  }

  /** The token, when it allows what the module needs. @throws {@link ToolError} otherwise. */
  function tokenOf({ token, missing }: Kept, { userId, module, requestId }: TokenRequest): Secret {
    if (missing.length === 0) return token;
    onDenied(userId, module, requestId, "scopes");
    throw new ToolError(`Connect your account for this module again: it lacks ${missing.join(", ")}.`);
  }

  return {
    async token(request, rejected) {
      const { userId, module, requestId, permissions } = request;
      const { kept, asking } = tokensUnder(permissions);
      const entry = kept.get(`${userId} ${module}`);
      if (entry && entry.until > now() && entry.token.reveal() !== rejected?.reveal()) return tokenOf(entry, request);
      // Who holds another refused token needs another answer.
      const refused = rejected && digestOf(rejected);
      const key = `${userId} ${module} ${refused ?? ""}`;
      let running = asking.get(key);
      if (!running) {
        running = ask(request, kept, refused)
          .then((answer) => {
            if (typeof answer !== "string") return answer;
            onDenied(userId, module, requestId, answer);
            throw new ToolError(TEXTS[answer]);
          })
          .finally(() => asking.delete(key));
        asking.set(key, running);
      }
      return tokenOf(await running, request);
    },
  };
}

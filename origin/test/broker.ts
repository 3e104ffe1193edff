/** A token broker for tests: the real handler over a test's database, a provider on loopback, and users with connected accounts. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createCredentialCheck } from "../../supabase/functions/token-broker/credential.ts";
import { createBroker } from "../../supabase/functions/token-broker/handler.ts";
import type { BrokerParts, Query } from "../../supabase/functions/token-broker/parts.ts";
import type { TestDatabase } from "./database.ts";
import { newRequestId, newSecret, newUser } from "./origin.ts";

/** What is in the Vault, unless a test says otherwise. */
export const REFRESH = "canary-refresh-token";
export const ACCESS = "access-token";
export const CLIENT_SECRET = "canary-client-secret";

/** How the provider answers one request. */
export interface ProviderAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/** A provider's token endpoint. */
export interface TestProvider {
  readonly tokenUrl: string;
  /** The forms that it was sent. */
  readonly asked: URLSearchParams[];
  /** Forgets what was asked, and answers with the n-th token again. */
  reset(): void;
  /** `count`: how often it was asked, this time included. null = it hangs up without an answer. */
  answer: (count: number, asked: URLSearchParams) => ProviderAnswer | null | Promise<ProviderAnswer | null>;
  close(): Promise<void>;
}

/** The n-th pair of tokens. */
export const nthTokens = (n: number): ProviderAnswer => ({
  status: 200,
  body: { access_token: `${ACCESS}-${n}`, refresh_token: `${REFRESH}-${n}`, expires_in: 3600 },
});

/** Starts a provider on loopback. */
export async function startProvider(): Promise<TestProvider> {
  const asked: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      const form = new URLSearchParams(text);
      asked.push(form);
      void (async () => {
        const reply = await provider.answer(asked.length, form);
        if (reply === null) request.socket.destroy();
        else
          response
            .writeHead(reply.status, { "content-type": "application/json", ...reply.headers })
            .end(JSON.stringify(reply.body));
      })();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const provider: TestProvider = {
    tokenUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    asked,
    answer: nthTokens,
    reset() {
      asked.length = 0;
      provider.answer = nthTokens;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return provider;
}

/** A broker that serves module `lab`. */
export interface TestBroker {
  readonly handle: (request: Request) => Promise<Response>;
  /** The credential that it accepts. */
  readonly secret: string;
  readonly lines: Readonly<Record<string, unknown>>[];
  /** Waits until every denial so far is written. */
  settle(): Promise<void>;
}

/** Builds one; several of them may stand over one database, as instances of the function do. */
export function testBroker(
  test: TestDatabase,
  { tokenUrl }: TestProvider,
  parts: Partial<BrokerParts> = {},
): TestBroker {
  const secret = newSecret();
  const lines: Readonly<Record<string, unknown>>[] = [];
  const writing: Promise<unknown>[] = [];
  const handle = createBroker({
    database: {
      ...test.broker,
      query: <Row extends object>(...statement: Parameters<Query>) => {
        const running = test.broker.query<Row>(...statement);
        if (statement[0].includes("security_events")) writing.push(running.catch(() => {}));
        return running;
      },
    },
    isCaller: createCredentialCheck(secret, undefined),
    providers: new Map([["lab", { tokenUrl, clientId: "client", clientSecret: CLIENT_SECRET }]]),
    fetch,
    line: (event) => lines.push(event),
    now: () => performance.now(),
    sleep: (ms) => sleep(ms, undefined, { ref: false }),
    later: () => {},
    ...parts,
  });
  return { handle, secret, lines, settle: async () => void (await Promise.all(writing)) };
}

/** Makes the broker what an origin reaches by `fetch`. */
export function reachedBy({ handle }: Pick<TestBroker, "handle">): typeof fetch {
  return ((url: string, init: RequestInit) => handle(new Request(url, init))) as unknown as typeof fetch;
}

/** What an origin asks. */
export const askFor = (userId: string, module = "lab") => ({ request_id: newRequestId(), user_id: userId, module });

/** Connects an account, again where there is one. `expiresIn`: seconds, null = does not expire. */
export async function connect(
  { admin }: TestDatabase,
  userId: string,
  expiresIn: number | null,
  secret: unknown = { access_token: ACCESS, refresh_token: REFRESH },
  scopes = "{}",
): Promise<void> {
  await admin.query("select mcpist.connect_account($1::uuid, 'lab', $2, $3::text[], $4::integer)", [
    userId,
    JSON.stringify(secret),
    scopes,
    expiresIn,
  ]);
}

/** A new user who may use `lab` and has connected an account. */
export async function connectedUser(
  test: TestDatabase,
  expiresIn: number | null,
  secret?: unknown,
  scopes?: string,
): Promise<string> {
  const userId = await newUser(test, { grants: [["lab", "token"]] });
  await connect(test, userId, expiresIn, secret, scopes);
  return userId;
}

/** The connection and what the Vault holds for it; undefined where there is none. */
export async function connectionOf({ admin }: TestDatabase, userId: string) {
  const [row] = await admin.query<{
    status: string;
    tokens: { access_token: string | null; refresh_token: string | null };
  }>(
    "select c.status, v.decrypted_secret::json as tokens from mcpist.connections c join vault.decrypted_secrets v on v.id = c.vault_secret_id where c.user_id = $1::uuid",
    [userId],
  );
  return row;
}

/**
 * Drives one version of the TypeScript SDK, 1.x or 2.x, as a host application would. The SDK comes from the folder of the task; of its
 * API only what all versions share is used.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { Task } from "../task.ts";
import { approve, PARALLEL, runSteps, WINDOWS, toolCall } from "./steps.ts";

interface Client {
  connect(transport: Transport): Promise<void>;
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  callTool(
    call: { readonly name: string; readonly arguments: object },
    schema?: undefined,
    options?: { readonly signal?: AbortSignal },
  ): Promise<{ readonly isError?: boolean; readonly content: readonly { readonly text?: string }[] }>;
  close(): Promise<void>;
}
interface Transport {
  /** Since 2.0 with the issuer's name in it (RFC 9207). */
  finishAuth(answer: string | URLSearchParams): Promise<void>;
}
interface Sdk {
  readonly Client: new (info: object, options?: object) => Client;
  readonly StreamableHTTPClientTransport: new (url: URL, options: object) => Transport;
  readonly UnauthorizedError: new () => Error;
}
interface Tokens {
  readonly access_token: string;
  readonly token_type: string;
}
/** What a host keeps of one person. */
interface Store {
  readonly person: string;
  client?: unknown;
  tokens?: Tokens;
  verifier?: string;
  location?: URL;
}

const REDIRECT = "http://127.0.0.1:9/callback";
const task = JSON.parse(await text(process.stdin)) as Task;
const major2 = join(task.folder, "node_modules/@modelcontextprotocol/client/dist/index.mjs");
const isTwo = existsSync(major2);

async function load(): Promise<Sdk> {
  const from = (path: string): Promise<Sdk> => import(pathToFileURL(path).href) as Promise<Sdk>;
  if (isTwo) return from(major2);
  const folder = join(task.folder, "node_modules/@modelcontextprotocol/sdk/dist/esm/client");
  const [client, transport, auth] = await Promise.all(
    ["index.js", "streamableHttp.js", "auth.js"].map((name) => from(join(folder, name))),
  );
  return { ...client, ...transport, ...auth } as Sdk;
}
const sdk = await load();

const providerOf = (store: Store) => ({
  redirectUrl: REDIRECT,
  clientMetadata: {
    client_name: "mcpist client matrix",
    redirect_uris: [REDIRECT],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  clientInformation: () => store.client,
  saveClientInformation: (client: unknown) => void (store.client = client),
  tokens: () => store.tokens,
  saveTokens: (tokens: Tokens) => void (store.tokens = tokens),
  redirectToAuthorization: (url: URL) => void (store.location = url),
  saveCodeVerifier: (verifier: string) => void (store.verifier = verifier),
  codeVerifier: () => store.verifier ?? "",
});

const makeTransport = (store: Store) =>
  new sdk.StreamableHTTPClientTransport(new URL(task.url), { authProvider: providerOf(store) });

async function connect(store: Store): Promise<Client> {
  const client = new sdk.Client(
    { name: "mcpist-client-matrix", version: "1.0.0" },
    isTwo ? { versionNegotiation: { mode: task.era } } : {},
  );
  await client.connect(makeTransport(store));
  return client;
}

/** From nothing: refused, sent to the sign-in, back with a code, connected. */
async function signIn(store: Store): Promise<Client> {
  const transport = makeTransport(store);
  const refused = new sdk.Client({ name: "mcpist-client-matrix", version: "1.0.0" });
  await refused.connect(transport).then(
    () => {
      throw new Error("connected without a sign-in");
    },
    (error: unknown) => {
      if (!(error instanceof sdk.UnauthorizedError)) throw error;
    },
  );
  if (!store.location) throw new Error("nobody was sent to a sign-in");
  const back = await approve(store.location, store.person);
  await transport.finishAuth(isTwo ? back.searchParams : (back.searchParams.get("code") ?? ""));
  return connect(store);
}

async function call(client: Client, module: string, tool: string, params: object, signal?: AbortSignal): Promise<void> {
  const what = toolCall(task, module, tool, params);
  const { isError, content } = await client.callTool(what, undefined, signal ? { signal } : {});
  if (isError === true) throw new Error(`the tool said: ${content[0]?.text ?? ""}`);
}
const now = (client: Client) => call(client, "time", "now", {});

const store: Store = { person: task.person };
let client: Client | null = null;
/** The signed-in client; one with a given token where its own sign-in failed. */
async function signedIn(): Promise<Client> {
  store.tokens ??= { access_token: task.token, token_type: "bearer" };
  return (client ??= await connect(store));
}

await runSteps(task, {
  signIn: async () => {
    client = await signIn(store);
    return "";
  },
  list: async () => {
    const { tools } = await (await signedIn()).listTools();
    return tools.map(({ name }) => name).join(" ");
  },
  parallel: async () => {
    const client = await signedIn();
    await Promise.all(Array.from({ length: PARALLEL }, () => now(client)));
    return "";
  },
  slow: async () => {
    await call(await signedIn(), "github", "list_issues", { owner: "clients", repo: `slow-${task.id}` });
    return "";
  },
  cancel: async () => {
    const client = await signedIn();
    const repo = `hang-${task.id}`;
    const abort = new AbortController();
    const hanging = call(client, "github", "list_issues", { owner: "clients", repo }, abort.signal).then(
      () => "answered",
      () => "cancelled",
    );
    await fetch(`${task.slowGithub}/asked/${repo}`);
    abort.abort();
    const ended = await hanging;
    if (ended !== "cancelled") throw new Error("the call was not cancelled");
    await now(client);
    return (await (await fetch(`${task.slowGithub}/gone/${repo}`)).text()) === "true" ? "stopped" : "ran on";
  },
  windows: async () => {
    await signedIn();
    const window = async () => {
      const client = await connect(store);
      await client.listTools();
      await now(client);
      await client.close();
    };
    await Promise.all(Array.from({ length: WINDOWS }, window));
    return "";
  },
  refresh: async () => {
    const hasty: Store = { person: task.hastyPerson };
    const client = await signIn(hasty);
    const first = hasty.tokens?.access_token;
    await now(client);
    await sleep((task.secondsLeft + 1) * 1000);
    await now(client);
    if (hasty.tokens?.access_token === first) throw new Error("the access token was not renewed");
    return "";
  },
});
process.exit();

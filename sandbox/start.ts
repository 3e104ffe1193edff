/**
 * Starts the whole sandbox: five vendors, an issuer, a database, the token broker and the control endpoint, all on loopback, all in
 * parallel. Nothing is provisioned here (sandbox/provision.ts) and no gateway secret is made or written.
 */
import { joinedName, vendorVariables } from "../contract/rehearsal.ts";
import {
  SANDBOX_ACCOUNTS,
  SANDBOX_VARIABLE,
  type Rehearsed,
  type SandboxAccounts,
  type SandboxOrigin,
  type SandboxUrls,
} from "../contract/sandbox.ts";
import { connectAccounts, furnish, providersOf } from "./accounts.ts";
import { startBroker, type Broker } from "./vendors/broker/broker.ts";
import { type CloudflareEmulator, startCloudflare } from "./vendors/cloudflare/cloudflare.ts";
import { createContext, type ContextOptions } from "./vendors/context.ts";
import { startControl } from "./control.ts";
import { startDatabase, type Database } from "./vendors/database/database.ts";
import type { Faults } from "./vendors/faults.ts";
import { type Fly, startFly } from "./vendors/fly/fly.ts";
import { startGithub, type Github } from "./vendors/github/github.ts";
import { startIdp, type Idp } from "./vendors/idp/idp.ts";
import { type Koyeb, startKoyeb } from "./vendors/koyeb/koyeb.ts";
import { startNotion, type Notion } from "./vendors/notion/notion.ts";
import { vendorClient } from "./client.ts";
import { Scenarios } from "./scenarios.ts";
import { startTimeline, watchedOf } from "./watch/timeline.ts";
import type { VendorContext } from "./vendors/vendor.ts";

export interface SandboxOptions extends ContextOptions {
  /** False leaves out the control endpoint. */
  readonly control?: boolean | undefined;
  /** A PostgreSQL server to use instead of the embedded one; its schema is not touched. */
  readonly databaseUrl?: string | undefined;
  /** An environment of mcpist.config.ts, with its accounts; absent = the built-in one. */
  readonly rehearses?: (Rehearsed & { readonly accounts: SandboxAccounts }) | undefined;
  /** Ends a start that is no longer wanted: everything is closed again and the start rejects. */
  readonly signal?: AbortSignal | undefined;
}

interface Closable {
  close(): Promise<void>;
}

/** A running sandbox. */
export interface Sandbox {
  readonly urls: SandboxUrls;
  readonly accounts: SandboxAccounts;
  /** What another process needs to join: URLs and the sandbox's own tokens, by the names that the vendors' clients read. */
  readonly env: Readonly<Record<string, string>>;
  readonly faults: Faults;
  readonly context: VendorContext;
  readonly github: Github;
  readonly cloudflare: CloudflareEmulator;
  readonly koyeb: Koyeb;
  readonly fly: Fly;
  readonly idp: Idp;
  readonly notion: Notion;
  readonly database: Database;
  readonly broker: Broker;
  readonly scenarios: Scenarios;
  /** Ends every listener and every process. May be called twice. */
  close(): Promise<void>;
}

/** The sandbox could not start; `message` is one sentence for a person. */
export class SandboxStartError extends Error {
  override readonly name = "SandboxStartError";
  readonly code: "port-taken" | "aborted" | "failed";
  constructor(code: SandboxStartError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

function explain(cause: unknown, listenerOf: (port: number) => string | null): SandboxStartError {
  if (cause instanceof SandboxStartError) return cause;
  const { code, port, message } = cause as NodeJS.ErrnoException & { port?: number };
  if (code !== "EADDRINUSE" || port === undefined)
    return new SandboxStartError("failed", `the sandbox did not start: ${message}`, { cause });
  const listener = listenerOf(port);
  return new SandboxStartError(
    "port-taken",
    `port ${port}${listener === null ? "" : ` for the sandbox's ${listener} listener`} is taken`,
    {
      cause,
    },
  );
}

/**
 * Starts everything.
 * @throws {SandboxStartError} when a part does not start; whatever had started is closed again by then.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const listeners = new Map<number, string>();
  const base = createContext(options);
  const context: VendorContext = Object.assign(base, {
    port: ((port) => (listener: string) => {
      const number = port(listener);
      if (number !== 0) listeners.set(number, listener);
      return number;
    })(base.port),
  });
  // Whoever uses others ends first: origins that drain still need their database.
  const open: Record<"users" | "used", Closable[]> = { users: [], used: [] };
  const closeAll = async (): Promise<void> => {
    await Promise.allSettled(open.users.map((part) => part.close()));
    await Promise.allSettled(open.used.map((part) => part.close()));
  };
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => (closing ??= closeAll());
  const started = async <T extends Closable>(part: Promise<T>, phase: keyof typeof open): Promise<T> => {
    const value = await part;
    open[phase].push(value);
    return value;
  };
  // Every part is awaited, so that a failure never leaves one behind that was still starting.
  const all = async <T extends readonly unknown[]>(parts: { readonly [K in keyof T]: Promise<T[K]> }): Promise<T> => {
    const outcomes = await Promise.allSettled(parts);
    options.signal?.throwIfAborted();
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
    return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value) as unknown as T;
  };

  try {
    const { rehearses } = options;
    const accounts = rehearses?.accounts ?? SANDBOX_ACCOUNTS;
    const { accountId, zone, worker, owner, repo } = accounts;
    const [github, cloudflare, koyeb, fly, idp, notion, database] = await all<
      [Github, CloudflareEmulator, Koyeb, Fly, Idp, Notion, Database]
    >([
      started(startGithub(context, { owner, repo }), "used"),
      started(startCloudflare(context, { accountId, zone, defaultWorker: worker }), "users"),
      started(startKoyeb(context), "users"),
      started(startFly(context), "users"),
      started(startIdp(context), "used"),
      started(startNotion(context), "used"),
      started(startDatabase(context, options.databaseUrl), "used"),
    ]);
    furnish({ github, notion });
    const providers = providersOf({ github, notion });
    const edgeOf = async (origin: SandboxOrigin): Promise<readonly [string, string]> => [
      origin.name,
      await (origin.kind === "koyeb" ? koyeb.edgeUrl(origin.app, origin.service) : fly.edgeUrl(origin.app)),
    ];
    const [gateway, origins, broker] = await all<[string, (readonly [string, string])[], Broker, void]>([
      cloudflare.gatewayUrlOf(worker),
      Promise.all(accounts.origins.map(edgeOf)),
      started(startBroker(context, { databaseUrl: database.brokerUrl, providers }), "users"),
      // A database that is not the sandbox's own is never written to from here.
      database.embedded ? connectAccounts({ github, notion }, database.adminUrl) : Promise.resolve(),
    ]);
    idp.setResource(`${gateway}/mcp`);
    const parts = { faults: context.faults, context, github, cloudflare, koyeb, fly, idp, notion, database, broker };
    const apis = { github: github.url, cloudflare: cloudflare.apiUrl, koyeb: koyeb.url, fly: fly.url };
    const call = vendorClient(apis, context.tokens);
    const scenarios = new Scenarios({ ...parts, accounts, call });
    const control =
      options.control === false
        ? null
        : await started(
            startControl(context, {
              ...parts,
              scenarios,
              watch: () => startTimeline({ ...parts, urls: { gateway } }, { environment: watchedOf(accounts) }),
              vendors: { ...parts, accounts, urls: apis },
            }),
            "users",
          );
    const urls: SandboxUrls = {
      gateway,
      github: github.url,
      notion: notion.url,
      broker: broker.url,
      cloudflare: cloudflare.apiUrl,
      koyeb: koyeb.url,
      fly: fly.url,
      issuer: idp.issuer,
      database: database.url,
      control: control?.url ?? "",
      origins: Object.fromEntries(origins),
      ...(rehearses === undefined ? {} : { rehearses: rehearsedIn(rehearses) }),
    };
    const env = joinEnvironment(urls, accounts, context.tokens, database.adminUrl);
    return { ...parts, accounts, scenarios, urls, env, close };
  } catch (cause) {
    await close();
    if (options.signal?.aborted)
      throw new SandboxStartError("aborted", "the sandbox was interrupted while it started", { cause });
    throw explain(cause, (port) => listeners.get(port) ?? null);
  }
}

const rehearsedIn = ({ name, settings, ownDrain }: Rehearsed): Rehearsed => ({ name, settings, ownDrain });

/** The variables by which mcpist and the vendors' own clients find a running sandbox. */
export function joinEnvironment(
  urls: SandboxUrls,
  accounts: Pick<SandboxAccounts, "owner" | "accountId">,
  tokens: VendorContext["tokens"],
  ownerUrl: string,
): Readonly<Record<string, string>> {
  return {
    [SANDBOX_VARIABLE]: JSON.stringify(urls),
    MCPIST_ENV: joinedName(urls),
    ...vendorVariables(urls),
    GH_TOKEN: tokens.github,
    GITHUB_TOKEN: tokens.github,
    GITHUB_OWNER: accounts.owner,
    // gh speaks plain HTTP to this one name, and Go's client sends it to the proxy; everything else on loopback goes direct.
    // Not "localhost": that would take api.github.localhost with it.
    GH_HOST: "github.localhost",
    HTTP_PROXY: urls.github,
    // wrangler sends its look for an update to the proxy as well, and does not end when it is refused there.
    NO_PROXY: "127.0.0.1,.npmjs.org",
    CLOUDFLARE_API_TOKEN: tokens.cloudflare,
    CLOUDFLARE_ACCOUNT_ID: accounts.accountId,
    KOYEB_TOKEN: tokens.koyeb,
    FLY_API_BASE_URL: urls.fly,
    FLY_UIEX_BASE_URL: urls.fly,
    FLY_API_TOKEN: tokens.fly,
    // As for an operator: the owner's address is the one that `tools`, `access` and `db` read.
    DATABASE_URL: ownerUrl,
    // Clients that call home or ask questions would meet nobody here.
    WRANGLER_SEND_METRICS: "false",
    GH_PROMPT_DISABLED: "1",
    GH_NO_UPDATE_NOTIFIER: "1",
    FLY_NO_UPDATE_CHECK: "1",
    FLY_SEND_METRICS: "0",
    CHECKPOINT_DISABLE: "1",
  };
}

/** What `mcpist sandbox` tells other processes about itself, and the built-in `sandbox` environment made from it. */
import type { EnvironmentInput } from "./config.ts";
import { readDatabaseUrl } from "./database-url.ts";
import { isRecord } from "./json.ts";
import { isLoopbackUrl } from "./loopback.ts";
import type { OriginState } from "./runtime-config.ts";
import { isSafeUrl } from "./safe-url.ts";

/** Name of the built-in environment. */
export const SANDBOX_ENVIRONMENT = "sandbox";
/** Environment variable that joins a process to a running sandbox; holds {@link SandboxUrls} as JSON, no secret. */
export const SANDBOX_VARIABLE = "MCPIST_SANDBOX";

/** Loopback URLs, none with a trailing slash. */
export interface SandboxUrls {
  /** Public side of the Worker. */
  readonly gateway: string;
  readonly github: string;
  readonly notion: string;
  /** The token broker, with the path of its function. */
  readonly broker: string;
  /** With `/client/v4`. */
  readonly cloudflare: string;
  readonly koyeb: string;
  /** Machines API, without `/v1`. */
  readonly fly: string;
  /** Supabase Auth issuer, with `/auth/v1`. */
  readonly issuer: string;
  /** Postgres connection string; the sandbox's own, loopback only. */
  readonly database: string;
  /** Control endpoint for faults and scenarios; empty in a demo, which has none. */
  readonly control: string;
  /** Public URL of each origin by name. */
  readonly origins: Readonly<Record<string, string>>;
  /** States that a rehearsal has given to origins; absent = as configured. What mcpist.config.ts is for a real environment. */
  readonly states?: Readonly<Record<string, OriginState>>;
  /** Absent = the built-in environment. */
  readonly rehearses?: Rehearsed;
}

/** An environment of mcpist.config.ts that a sandbox runs instead of the built-in one. */
export interface Rehearsed {
  readonly name: string;
  /** As the file has it: names, limits and choices, never a value. Not checked; contract/rehearsal.ts does that. */
  readonly settings: unknown;
  /** True keeps the environment's own drain, which takes minutes. */
  readonly ownDrain: boolean;
}

const isLocalApi = (value: unknown): boolean => isSafeUrl(value) && isLoopbackUrl(value);
/** The URL has a user, and parameters by which a driver could be led elsewhere; those are refused where they are read. */
const isLocalDatabase = (value: unknown): boolean => isLoopbackUrl(value) && typeof readDatabaseUrl(value) !== "string";
const BUILT_IN_ORIGINS = ["koyeb", "fly"] as const;
const STATES: ReadonlySet<unknown> = new Set<OriginState | undefined>(["pool", "joining", "quarantined", undefined]);

/** Reads {@link SANDBOX_VARIABLE}. @returns null when it holds anything else: every URL must be there and on loopback. */
export function parseSandboxUrls(text: string): SandboxUrls | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  const {
    gateway,
    github,
    notion,
    broker,
    cloudflare,
    koyeb,
    fly,
    issuer,
    database,
    control,
    origins,
    states = {},
    rehearses,
  } = value;
  if (
    ![gateway, github, notion, broker, cloudflare, koyeb, fly, issuer].every(isLocalApi) ||
    !(control === "" || isLocalApi(control)) ||
    !isLocalDatabase(database)
  )
    return null;
  if (!isRecord(origins) || !Object.values(origins).every(isLocalApi)) return null;
  if (rehearses === undefined) {
    if (!BUILT_IN_ORIGINS.every((name) => name in origins)) return null;
  } else if (!isRecord(rehearses) || typeof rehearses["name"] !== "string" || !isRecord(rehearses["settings"]))
    return null;
  if (!isRecord(states) || !Object.values(states).every((state) => STATES.has(state))) return null;
  return value as unknown as SandboxUrls;
}

/** Names that the sandbox uses for its accounts; also good as an example. */
export const SANDBOX_NAMES = {
  owner: "sandbox-org",
  repo: "mcp",
  accountId: "0123456789abcdef0123456789abcdef",
  zone: "sandbox.test",
  worker: "mcpist-gateway",
  koyebApp: "mcpist",
  koyebService: "origin",
  flyApp: "mcpist-origin",
  image: "sandbox.local/mcpist-origin:dev",
} as const;

/** Where the accounts of an environment are, and what is in them. */
export interface SandboxAccounts {
  readonly owner: string;
  readonly repo: string;
  /** Environment of the repository. */
  readonly repositoryEnvironment: string;
  readonly accountId: string;
  readonly zone: string;
  readonly worker: string;
  readonly origins: readonly SandboxOrigin[];
}
/** An origin's place. */
export type SandboxOrigin =
  | { readonly name: string; readonly kind: "koyeb"; readonly app: string; readonly service: string }
  | { readonly name: string; readonly kind: "fly"; readonly app: string };

/** Those of the built-in environment. */
export const SANDBOX_ACCOUNTS: SandboxAccounts = {
  owner: SANDBOX_NAMES.owner,
  repo: SANDBOX_NAMES.repo,
  repositoryEnvironment: SANDBOX_ENVIRONMENT,
  accountId: SANDBOX_NAMES.accountId,
  zone: SANDBOX_NAMES.zone,
  worker: SANDBOX_NAMES.worker,
  origins: [
    { name: "koyeb", kind: "koyeb", app: SANDBOX_NAMES.koyebApp, service: SANDBOX_NAMES.koyebService },
    { name: "fly", kind: "fly", app: SANDBOX_NAMES.flyApp },
  ],
};

/** Drain of a rehearsal. */
const SHORT_DRAIN = { minAge: "2s", quiet: "4s", max: "60s" } as const;

/** The built-in environment: short drain, loopback URLs. */
export function sandboxEnvironment(urls: SandboxUrls): EnvironmentInput {
  return {
    github: { owner: SANDBOX_NAMES.owner, repo: SANDBOX_NAMES.repo, environment: SANDBOX_ENVIRONMENT },
    cloudflare: {
      accountId: SANDBOX_NAMES.accountId,
      zone: SANDBOX_NAMES.zone,
      hostname: new URL(urls.gateway).host,
      worker: SANDBOX_NAMES.worker,
      url: urls.gateway,
    },
    origins: [
      {
        name: "koyeb",
        kind: "koyeb",
        url: urls.origins["koyeb"] ?? "",
        app: SANDBOX_NAMES.koyebApp,
        service: SANDBOX_NAMES.koyebService,
        state: urls.states?.["koyeb"],
      },
      {
        name: "fly",
        kind: "fly",
        url: urls.origins["fly"] ?? "",
        app: SANDBOX_NAMES.flyApp,
        machines: 2,
        state: urls.states?.["fly"],
      },
    ],
    auth: { issuer: urls.issuer, audience: `${urls.gateway}/mcp` },
    image: SANDBOX_NAMES.image,
    limits: { perIpPerMinute: 100_000, burstPerSecond: 5 },
    drain: SHORT_DRAIN,
    modules: {
      baseUrls: { github: urls.github, notion: urls.notion },
      brokerUrl: urls.broker,
      httpStatusHosts: ["127.0.0.1"],
    },
    showOrigin: true,
  };
}

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

/** What a sandbox runs of somebody's own configuration. */
export type OwnParts = Pick<EnvironmentInput, "servers" | "secrets">;

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
  readonly origins: { readonly koyeb: string; readonly fly: string };
  /** States that a rehearsal has given to origins; absent = "pool". What mcpist.config.ts is for a real environment. */
  readonly states?: Readonly<Partial<Record<"koyeb" | "fly", OriginState>>>;
  /** Servers and secrets of the configuration that the sandbox was given; absent = none. No value of a secret. */
  readonly own?: OwnParts;
}

const isLocalApi = (value: unknown): boolean => isSafeUrl(value) && isLoopbackUrl(value);
/** The URL has a user, and parameters by which a driver could be led elsewhere; those are refused where they are read. */
const isLocalDatabase = (value: unknown): boolean => isLoopbackUrl(value) && typeof readDatabaseUrl(value) !== "string";
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
    own = {},
  } = value;
  if (
    ![gateway, github, notion, broker, cloudflare, koyeb, fly, issuer].every(isLocalApi) ||
    !(control === "" || isLocalApi(control)) ||
    !isLocalDatabase(database)
  )
    return null;
  if (!isRecord(origins) || !isLocalApi(origins["koyeb"]) || !isLocalApi(origins["fly"])) return null;
  if (!isRecord(states) || !Object.values(states).every((state) => STATES.has(state))) return null;
  // What is in it is checked with the environment that is made from it.
  if (!isRecord(own)) return null;
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
        url: urls.origins.koyeb,
        app: SANDBOX_NAMES.koyebApp,
        service: SANDBOX_NAMES.koyebService,
        state: urls.states?.koyeb,
      },
      {
        name: "fly",
        kind: "fly",
        url: urls.origins.fly,
        app: SANDBOX_NAMES.flyApp,
        machines: 2,
        state: urls.states?.fly,
      },
    ],
    auth: { issuer: urls.issuer, audience: `${urls.gateway}/mcp` },
    image: SANDBOX_NAMES.image,
    limits: { perIpPerMinute: 100_000, burstPerSecond: 5 },
    drain: { minAge: "2s", quiet: "4s", max: "60s" },
    modules: {
      baseUrls: { github: urls.github, notion: urls.notion },
      brokerUrl: urls.broker,
      httpStatusHosts: ["127.0.0.1"],
    },
    showOrigin: true,
    servers: urls.own?.servers,
    secrets: urls.own?.secrets,
  };
}

/**
 * The environment of a process that has joined a sandbox: the built-in one, or an environment of mcpist.config.ts with its own names,
 * limits and choices, at the sandbox's addresses. Nothing in it points anywhere but to loopback.
 */
import { parseConfig, type ConfigIssue, type Environment } from "./config.ts";
import { isLoopbackUrl } from "./loopback.ts";
import { err, ok, type Result } from "./result.ts";
import {
  SANDBOX_ENVIRONMENT,
  sandboxEnvironment,
  type Rehearsed,
  type SandboxAccounts,
  type SandboxUrls,
} from "./sandbox.ts";
import type { ServerSettings } from "./servers.ts";

/** Unit: milliseconds; {@link SHORT_DRAIN} as the schema reads it. */
const SHORT_DRAIN_MS = { minAge: 2000, quiet: 4000, max: 60_000 } as const;

/** By which variables the command line and Terraform find the vendors, with the sandbox's addresses. */
export const vendorVariables = ({ github, cloudflare, koyeb, fly }: SandboxUrls) => ({
  GITHUB_API_URL: github,
  GITHUB_BASE_URL: `${github}/`,
  CLOUDFLARE_API_BASE_URL: cloudflare,
  CLOUDFLARE_BASE_URL: `${cloudflare}/`,
  KOYEB_URL: koyeb,
  FLY_FLAPS_BASE_URL: fly,
});

/** An environment with its name. */
export interface Joined {
  readonly name: string;
  readonly environment: Environment;
}

/** Name of the environment that a sandbox runs. */
export const joinedName = ({ rehearses }: SandboxUrls): string => rehearses?.name ?? SANDBOX_ENVIRONMENT;

/**
 * The environment that a sandbox runs.
 * @returns as error what is wrong with the settings that it was started with
 */
export function joinedEnvironment(urls: SandboxUrls): Result<Joined, readonly ConfigIssue[]> {
  const name = joinedName(urls);
  const settings = urls.rehearses?.settings ?? sandboxEnvironment(urls);
  const parsed = parseConfig({ environments: { [name]: settings } });
  if (!parsed.ok) return parsed;
  const environment = parsed.value.environments[name];
  if (!environment) return err([{ path: "environments", message: "is empty" }]);
  if (!urls.rehearses) return ok({ name, environment });
  const homeless = environment.origins.find((origin) => !Object.hasOwn(urls.origins, origin.name));
  if (homeless) return err([{ path: "origins", message: `the sandbox was started without ${homeless.name}` }]);
  return ok({ name, environment: atHome(environment, urls, urls.rehearses) });
}

/** A server that a rehearsal has: a program of the origin, or an address on this machine. */
export const isHere = ({ url }: ServerSettings): boolean => url === undefined || isLoopbackUrl(url);

/** The same environment at the sandbox's addresses; what would reach anybody outside is left out. */
function atHome(environment: Environment, urls: SandboxUrls, { ownDrain }: Rehearsed): Environment {
  const { notifyWebhookVariable: _, ...rest } = environment;
  const { jwksUrl: __, provider: ___, ...auth } = rest.auth;
  return {
    ...rest,
    cloudflare: { ...rest.cloudflare, url: urls.gateway },
    origins: rest.origins.map((origin) => ({
      ...origin,
      url: urls.origins[origin.name] ?? "",
      state: urls.states?.[origin.name] ?? origin.state,
    })),
    // The sandbox's sign-in has Supabase's shape, whatever the provider is.
    auth: { ...auth, issuer: urls.issuer, audience: `${urls.gateway}/mcp` },
    modules: {
      ...rest.modules,
      baseUrls: { github: urls.github, notion: urls.notion },
      brokerUrl: rest.modules.brokerUrl === null ? null : urls.broker,
      // What the sandbox's own traffic asks for.
      httpStatusHosts: [...rest.modules.httpStatusHosts, "127.0.0.1"],
      alertWebhook: null,
    },
    servers: Object.fromEntries(Object.entries(rest.servers).filter(([, server]) => isHere(server))),
    drain: ownDrain ? rest.drain : SHORT_DRAIN_MS,
    backend: { type: "local" },
  };
}

/** Where the accounts of an environment are, and what is in them. */
export const accountsOf = ({ github, cloudflare, origins }: Environment): SandboxAccounts => ({
  owner: github.owner,
  repo: github.repo,
  repositoryEnvironment: github.environment,
  accountId: cloudflare.accountId,
  zone: cloudflare.zone,
  worker: cloudflare.worker,
  origins,
});

/**
 * A terminal that knows the environment of a rehearsal, but not its vendors, would work on real accounts by their real names.
 * @returns the first variable that does not hold the sandbox's address; null = all do
 */
export function strayVariable(
  urls: SandboxUrls,
  variables: Readonly<Record<string, string | undefined>>,
): string | null {
  if (!urls.rehearses) return null;
  return Object.entries(vendorVariables(urls)).find(([name, address]) => variables[name] !== address)?.[0] ?? null;
}

/** What an operator does in every story of the deploy tests, and what the stories look at. */
import { randomBytes } from "node:crypto";
import type { EnvironmentInput } from "../../contract/config.ts";
import { sandboxEnvironment } from "../../contract/sandbox.ts";
import { Installation } from "./installation.ts";
import { CLIS, type DeployCli, type Engine, ENGINES } from "./tools.ts";
import type { Ran } from "./workplace.ts";

/** Several minutes of real deploys on a slow machine. Unit: milliseconds. */
export const TIMEOUT_MS = 1_800_000;
export const BASE = ["base-*"];
export const ALL = ["base-*", "service-*"];
const STACKS = ["base-app-fly", "base-app-koyeb", "base-edge", "base-repository", "service-fly", "service-koyeb"];
/** Every plan is empty. */
export const NOTHING: Readonly<Record<string, string>> = Object.fromEntries(STACKS.map((stack) => [stack, "nothing"]));

/** @throws with the command's last words when it failed. */
export function done({ exitCode, output }: Ran, what: string): void {
  if (exitCode !== 0) throw new Error(`${what} ended with ${exitCode}:\n${output.slice(-4000)}`);
}

/** Runs a story and takes its accounts down, however it ends. */
export async function opened<T>(
  engine: Engine,
  cli: DeployCli,
  story: (installation: Installation) => Promise<T>,
): Promise<T> {
  const installation = await Installation.open(engine, cli);
  try {
    return await story(installation);
  } finally {
    await installation.close();
  }
}

/** The first engine and the first command line that are here: for what is the same with all of them. */
export const firstPair = (): readonly [Engine, DeployCli] => [
  ENGINES[0] ?? { name: "terraform", path: "terraform" },
  CLIS[0] as DeployCli,
];

/** {@link opened} with {@link firstPair}. */
export const openedWithFirst = <T>(story: (installation: Installation) => Promise<T>): Promise<T> =>
  opened(...firstPair(), story);

/** An environment with a domain, so that nothing is left out as in a rehearsal. */
export function withDomain(
  installation: Installation,
  changes: Partial<EnvironmentInput> = {},
  names: Partial<EnvironmentInput["cloudflare"]> = {},
): EnvironmentInput {
  const { cloudflare, ...environment } = sandboxEnvironment(installation.sandbox.urls);
  const { url: _, ...domain } = cloudflare;
  const hostname = names.hostname ?? "mcp.sandbox.test";
  return {
    ...environment,
    github: { ...environment.github, environment: "production" },
    cloudflare: { ...domain, ...names, hostname },
    auth: { ...environment.auth, audience: `https://${hostname}/mcp` },
    ...changes,
  };
}

/** Configures `production` as {@link withDomain} says. */
export const production = (...[installation, ...rest]: Parameters<typeof withDomain>): void =>
  installation.configure("production", withDomain(installation, ...rest));

/** Every secret beside the gateway secret, at every origin there is. */
export async function putSecrets(installation: Installation): Promise<void> {
  const { urls, broker } = installation.sandbox;
  const values = {
    DATABASE_URL: urls.database,
    REQUEST_STATE_KEY: randomBytes(32).toString("hex"),
    BROKER_SECRET: broker.secret,
  };
  for (const [name, value] of Object.entries(values))
    done(await installation.mcpist(["secrets", "put", name], value), `put ${name}`);
}

/** Between the two tiers: the gateway secret and what else the origins need. */
export async function fillSecrets(installation: Installation): Promise<void> {
  done(await installation.mcpist(["secrets", "rotate", "--init"]), "rotate --init");
  await putSecrets(installation);
}

/** From nothing to a service; what bootstrap.deploy.test.ts does with each CLI. */
export async function bootstrap(installation: Installation): Promise<void> {
  done(await installation.apply(BASE), "deploy base");
  await fillSecrets(installation);
  done(await installation.apply(ALL), "deploy everything");
}

/** Contents of both slots, from inside the sandbox's GitHub. */
export const slots = ({ sandbox }: Installation): readonly string[] =>
  ["GATEWAY_SECRET_A", "GATEWAY_SECRET_B"].map((name) => sandbox.github.reveal(name, "sandbox") ?? "");

/** Kid that the gateway sends. @throws when the gateway does not say. */
export async function liveKid({ sandbox }: Installation): Promise<string> {
  const response = await fetch(`${sandbox.urls.gateway}/.well-known/mcpist/gateway`);
  const { kid } = (await response.json()) as { readonly kid?: unknown };
  if (typeof kid !== "string") throw new Error("the gateway reports no kid");
  return kid;
}

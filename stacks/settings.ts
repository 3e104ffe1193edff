/**
 * What one synthesis needs to know: the chosen environment of mcpist.config.ts and the few switches that a pipeline sets from
 * outside. Reads no secret; tokens reach the providers through the environment of Terraform, never through here.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseConfig, type ConfigIssue, type Environment } from "../contract/config.ts";
import { err, ok, type Result } from "../contract/result.ts";
import { isSafeUrl } from "../contract/safe-url.ts";
import { platformIssues } from "./platform-limits.ts";
import { MIGRATIONS } from "./worker-migrations.ts";
import { joinedEnvironment, joinedName, strayVariable } from "../contract/rehearsal.ts";
import { thrownSentence } from "../contract/thrown.ts";
import { parseSandboxUrls, SANDBOX_ENVIRONMENT, SANDBOX_VARIABLE, type SandboxUrls } from "../contract/sandbox.ts";

/** One synthesis. */
export interface Settings {
  /** Name of the environment in mcpist.config.ts, or `sandbox`. */
  readonly name: string;
  readonly environment: Environment;
  /** True when the gateway is on this machine (a sandbox): no zone, and a repository without anything to protect. */
  readonly local: boolean;
  /** Full image reference of the origins. */
  readonly image: string;
  /** Folder of the local state files. */
  readonly stateDirectory: string;
  /** Durable Object migration that the Worker is known to have; null = the stack's own memory decides. */
  readonly appliedMigrationTag: string | null;
  /** True when the Worker, with its secret, and the KV namespace may be destroyed. */
  readonly allowDestroy: boolean;
  /** Base URL of Fly's Machines API without `/v1`; null = Fly's own. */
  readonly flyBaseUrl: string | null;
}

type Variables = Readonly<Record<string, string | undefined>>;

const FILE = "mcpist.config.ts";

/** Imports a configuration file. @returns the default export, or what went wrong in one sentence. */
async function importConfig(
  path: string,
  file: string,
  variables: Variables,
): Promise<Result<unknown, readonly string[]>> {
  if (!existsSync(path)) return err([`${file}: not found in this folder; "mcpist init" writes one`]);
  try {
    const loaded = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
    return loaded.default === undefined ? err([`${file}: has no default export`]) : ok(loaded.default);
  } catch (error) {
    return err([`${file}: cannot be loaded: ${thrownSentence(error, { folder: dirname(path), variables })}`]);
  }
}

const describe = (issues: readonly ConfigIssue[], file = FILE): readonly string[] =>
  issues.map(({ path, message }) => `${file}: ${path}: ${message}`);

/** A sandbox forgets everything when it ends, and so must the state of its stacks: one folder per running sandbox. */
function stateOf({ control, gateway }: SandboxUrls): string {
  const run = createHash("sha256").update(`${control} ${gateway}`).digest("hex").slice(0, 12);
  return join(tmpdir(), `mcpist-sandbox-${run}`);
}

/** A configuration that is read only when it is needed: inside a sandbox it is not. */
export type ConfigSource = () => Promise<Result<unknown, readonly string[]>>;

/** A file of a folder. */
const fileIn =
  (folder: string, file: string, variables: Variables): ConfigSource =>
  () =>
    importConfig(resolve(folder, file), file, variables);

function joinedSettings(urls: SandboxUrls): Result<Environment, readonly string[]> {
  const joined = joinedEnvironment(urls);
  return joined.ok ? ok(joined.value.environment) : err(describe(joined.error));
}

async function writtenSettings(
  name: string,
  source: ConfigSource,
  file: string,
): Promise<Result<Environment, readonly string[]>> {
  const input = await source();
  if (!input.ok) return input;
  const config = parseConfig(input.value);
  if (!config.ok) return err(describe(config.error, file));
  const environment = config.value.environments[name];
  if (environment) return ok(environment);
  const known = Object.keys(config.value.environments).join(", ");
  return err([`${file}: environments: there is no "${name}"; MCPIST_ENV may name one of: ${known}`]);
}

/**
 * Chooses and checks one environment. `MCPIST_ENV` names it; without it a process inside a sandbox gets the
 * environment that this sandbox runs, and every other one gets `production`. `MCPIST_CONFIG_FILE` names another file than mcpist.config.ts, as
 * `mcpist deploy --config` does; it counts more than what a program of the project's own hands over.
 *
 * @returns as error one sentence per wrong field, naming the file and the path, never a value.
 */
export async function loadSettings(
  variables: Variables,
  folder: string,
  source: ConfigSource = fileIn(folder, FILE, variables),
): Promise<Result<Settings, readonly string[]>> {
  const joined = variables[SANDBOX_VARIABLE] || undefined;
  const urls = joined === undefined ? null : parseSandboxUrls(joined);
  if (joined !== undefined && !urls) return err([`${SANDBOX_VARIABLE} is not what "mcpist sandbox" sets`]);
  const name = variables["MCPIST_ENV"] || (urls ? joinedName(urls) : "production");
  // The sandbox's own environment, or the one of this file that it rehearses; another one is no business of a sandbox.
  const local = urls !== null && name === joinedName(urls) ? urls : null;
  if (name === SANDBOX_ENVIRONMENT && !local)
    return err([`environment "${SANDBOX_ENVIRONMENT}" exists only inside "mcpist sandbox -- <command>"`]);
  const stray = local && strayVariable(local, variables);
  if (stray) return err([`${stray} is not the sandbox's, so this is not its rehearsal: join it again`]);
  const other = variables["MCPIST_CONFIG_FILE"] || null;
  const [file, written] = other === null ? [FILE, source] : [other, fileIn(folder, other, variables)];
  const found = local ? joinedSettings(local) : await writtenSettings(name, written, file);
  if (!found.ok) return found;
  const environment = found.value;
  const image = variables["MCPIST_IMAGE"] || environment.image;
  const refused = platformIssues(name, { ...environment, image });
  if (refused.length > 0) return err(describe(refused, file));
  const flyBaseUrl = variables["FLY_FLAPS_BASE_URL"] || null;
  if (flyBaseUrl !== null && !isSafeUrl(flyBaseUrl))
    return err(["FLY_FLAPS_BASE_URL must be https, or http on loopback"]);
  const appliedMigrationTag = variables["MCPIST_APPLIED_MIGRATION_TAG"] || null;
  if (appliedMigrationTag !== null && !MIGRATIONS.some(({ tag }) => tag === appliedMigrationTag))
    return err([`MCPIST_APPLIED_MIGRATION_TAG must be one of: ${MIGRATIONS.map(({ tag }) => tag).join(", ")}`]);
  const allowDestroy = variables["MCPIST_ALLOW_DESTROY"] || null;
  if (allowDestroy !== null && allowDestroy !== "1") return err(["MCPIST_ALLOW_DESTROY must be 1, or not be set"]);
  return ok({
    name,
    environment,
    local: environment.cloudflare.url !== undefined,
    image,
    stateDirectory: variables["MCPIST_STATE_DIR"] || (local ? stateOf(local) : folder),
    appliedMigrationTag,
    allowDestroy: allowDestroy === "1",
    flyBaseUrl,
  });
}

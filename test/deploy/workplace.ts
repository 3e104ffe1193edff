/**
 * A fresh set of accounts (a sandbox) and what an operator has beside it: engine, CLI, state, a folder. Commands run there as
 * processes, with the environment that `mcpist sandbox -- CMD` would give them.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { execa } from "execa";
import type { EnvironmentInput } from "../../contract/config.ts";
import { SANDBOX_VARIABLE } from "../../contract/sandbox.ts";
import { type Sandbox, startSandbox } from "../../sandbox/start.ts";
import { type ConnectProxy, startConnectProxy } from "../../sandbox/vendors/koyeb/connect-proxy.ts";
import { bundleWorker } from "../../stacks/worker-bundle.ts";
import { cliConfig, DEFAULT_MIRROR, mirrored } from "./mirror.ts";
import { type StandIns, startStandIns } from "./standin/start.ts";
import type { DeployCli, Engine } from "./tools.ts";

/** The checkout. */
export const ROOT = join(import.meta.dirname, "../..");
/** A child may wait for an answer that never comes. Unit: milliseconds. */
const COMMAND_TIMEOUT_MS = 600_000;
const TIMINGS = { koyebStepMs: 50, koyebDrainMs: 200, flyBootMs: 100, edgeLagMs: 200 };

/** Variables of a process. */
export type Variables = Readonly<Record<string, string>>;

/** What a command did. */
export interface Ran {
  readonly exitCode: number;
  /** stdout and stderr as they came. */
  readonly output: string;
  readonly stdout: string;
}

/** What a workplace is made of; the folder is its own. */
export interface Furniture {
  readonly sandbox: Sandbox;
  readonly standIns: StandIns;
  readonly engine: Engine;
  readonly cli: DeployCli;
  readonly folder: string;
}

/** Starts what a workplace needs. */
export async function furnish(engine: Engine, cli: DeployCli): Promise<Furniture> {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-deploy-"));
  mkdirSync(join(folder, "state"));
  mkdirSync(DEFAULT_MIRROR, { recursive: true });
  writeFileSync(join(folder, "terraformrc"), cliConfig(DEFAULT_MIRROR));
  const sandbox = await startSandbox({ log: () => undefined, timings: TIMINGS });
  const standIns = await startStandIns(sandbox.env, join(folder, "out"), mirrored(DEFAULT_MIRROR));
  return { sandbox, standIns, engine, cli, folder };
}

let bundle: ReturnType<typeof bundleWorker> | undefined;
/** The Worker of this checkout, bundled once. */
function bundled(): string {
  bundle ??= bundleWorker(ROOT, undefined);
  return bundle.ok ? bundle.value : "";
}

/** One operator on fresh accounts. */
export class Workplace {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly engine: Engine;
  readonly cli: DeployCli;
  /** Every text that any command printed. */
  readonly printed: string[] = [];
  /** Name of the environment that is deployed. */
  environment = "sandbox";
  /** Which file of the checkout makes the stacks. */
  stacksFile = "stacks/main.ts";
  readonly #standIns: StandIns;
  /** Of a domain; undefined where the gateway has an address on loopback. */
  #hostname: string | undefined;
  readonly #proxies = new Map<string, ConnectProxy>();

  constructor({ sandbox, standIns, engine, cli, folder }: Furniture) {
    this.sandbox = sandbox;
    this.#standIns = standIns;
    this.engine = engine;
    this.cli = cli;
    this.folder = folder;
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies.values()) await proxy.close();
    await this.#standIns.close();
    await this.sandbox.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get outdir(): string {
    return join(this.folder, "out");
  }

  /** Writes a file beside the state. @returns its absolute path. */
  write(name: string, content: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** Everything that lies on disk: states, synthesized stacks, locks. */
  files(): readonly string[] {
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
  }

  /** From now on an environment of one's own, described in a mcpist.config.ts in a folder of one's own. */
  configure(name: string, environment: EnvironmentInput): void {
    this.environment = name;
    this.#hostname = environment.cloudflare.url === undefined ? environment.cloudflare.hostname : undefined;
    this.write("mcpist.config.ts", `export default ${JSON.stringify({ environments: { [name]: environment } })};\n`);
    this.app("stacks/main.ts");
  }

  /** Which file of the checkout makes the stacks of an environment of one's own. */
  app(file: string): void {
    this.stacksFile = file;
    this.write(
      "cdktf.json",
      JSON.stringify({
        language: "typescript",
        app: `${process.execPath} ${join(ROOT, file)}`,
        projectId: "rehearsal",
        sendCrashReports: "false",
      }),
    );
  }

  /** A file of the checkout, as a process. */
  node(file: string, args: readonly string[] = [], variables: Variables = {}): Promise<Ran> {
    return this.run([process.execPath, join(ROOT, file), ...args], { variables });
  }

  async run(
    command: readonly string[],
    options: { cwd?: string; input?: string; variables?: Variables } = {},
  ): Promise<Ran> {
    const [file = "", ...args] = command;
    const startedAt = performance.now();
    const { exitCode, all, stdout } = await execa(file, args, {
      cwd: options.cwd ?? (this.environment === "sandbox" ? ROOT : this.folder),
      extendEnv: false,
      env: { ...this.#variables(), ...options.variables },
      input: options.input ?? "",
      all: true,
      reject: false,
      verbose: "none",
      timeout: COMMAND_TIMEOUT_MS,
    });
    this.printed.push(all);
    if (process.env["MCPIST_DEPLOY_TIMES"]) {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stderr.write(`${seconds.padStart(6)} s  exit ${exitCode}  ${command.slice(1, 6).join(" ")}\n`);
    }
    return { exitCode: exitCode ?? 1, output: all, stdout };
  }

  #variables(): Variables {
    // The proxy is for gh alone; whoever is not told that this is a sandbox would send everything else there and wait for it.
    const { [SANDBOX_VARIABLE]: joined = "", HTTP_PROXY: _, NO_PROXY: __, ...vendors } = this.sandbox.env;
    return {
      PATH: [join(ROOT, "node_modules/node/bin"), process.env["PATH"] ?? ""].join(delimiter),
      HOME: this.folder,
      TMPDIR: tmpdir(),
      // The home is new each time; a person's keeps what was compiled before.
      NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/node-compile"),
      ...vendors,
      ...this.#standIns.variables,
      // Only the built-in environment is told that it is in a sandbox.
      ...(this.environment === "sandbox" ? { [SANDBOX_VARIABLE]: joined } : { MCPIST_WORKER_BUNDLE: bundled() }),
      MCPIST_ENV: this.environment,
      MCPIST_STATE_DIR: join(this.folder, "state"),
      TERRAFORM_BINARY_NAME: this.engine.path,
      TF_CLI_CONFIG_FILE: join(this.folder, "terraformrc"),
      TF_IN_AUTOMATION: "1",
      CDKTF_DISABLE_PLUGIN_CACHE_ENV: "1",
    };
  }

  /** The hostname of a domain is in nobody's DNS; who asks the gateway there would wait until it gives up. */
  async wayToHostname(): Promise<Variables> {
    const hostname = this.#hostname;
    if (hostname === undefined) return {};
    const { context, urls } = this.sandbox;
    const proxy = this.#proxies.get(hostname) ?? (await startConnectProxy(context, urls.gateway, hostname));
    this.#proxies.set(hostname, proxy);
    return { HTTPS_PROXY: proxy.proxyUrl, NODE_EXTRA_CA_CERTS: proxy.caFile };
  }
}

/**
 * A fresh set of accounts (a sandbox) and everything that an operator has beside it: engine, CLI, state, synthesized stacks. Drives
 * the same commands that a person types, as processes, with the environment that `mcpist sandbox -- CMD` would give them.
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
import { synthesizedStacks } from "../../stacks/manifest.ts";
import { bundleWorker } from "../../stacks/worker-bundle.ts";
import { cliConfig, DEFAULT_MIRROR, mirrored } from "./mirror.ts";
import { type StandIns, startStandIns } from "./standin/start.ts";
import type { DeployCli, Engine } from "./tools.ts";

const ROOT = join(import.meta.dirname, "../..");
/** A child may wait for an answer that never comes. Unit: milliseconds. */
const COMMAND_TIMEOUT_MS = 240_000;
const TIMINGS = { koyebStepMs: 50, koyebDrainMs: 200, flyBootMs: 100, edgeLagMs: 200 };

/** What a command did. */
export interface Ran {
  readonly exitCode: number;
  /** stdout and stderr as they came. */
  readonly output: string;
  readonly stdout: string;
}

/** One installation on fresh accounts. */
export class Installation {
  readonly sandbox: Sandbox;
  /** Every text that any command printed. */
  readonly printed: string[] = [];
  /** Name of the environment that is deployed. */
  environment = "sandbox";
  readonly #standIns: StandIns;
  readonly #engine: Engine;
  readonly #cli: DeployCli;
  readonly #folder: string;
  /** Of a domain; undefined where the gateway has an address on loopback. */
  #hostname: string | undefined;
  readonly #proxies = new Map<string, ConnectProxy>();

  private constructor(sandbox: Sandbox, standIns: StandIns, engine: Engine, cli: DeployCli, folder: string) {
    this.sandbox = sandbox;
    this.#standIns = standIns;
    this.#engine = engine;
    this.#cli = cli;
    this.#folder = folder;
  }

  /** The built-in environment of the sandbox, deployed from this checkout. */
  static async open(engine: Engine, cli: DeployCli): Promise<Installation> {
    const folder = mkdtempSync(join(tmpdir(), "mcpist-deploy-"));
    mkdirSync(join(folder, "state"));
    mkdirSync(DEFAULT_MIRROR, { recursive: true });
    writeFileSync(join(folder, "terraformrc"), cliConfig(DEFAULT_MIRROR));
    const sandbox = await startSandbox({ log: () => undefined, timings: TIMINGS });
    const standIns = await startStandIns(sandbox.env, join(folder, "out"), mirrored(DEFAULT_MIRROR));
    return new Installation(sandbox, standIns, engine, cli, folder);
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies.values()) await proxy.close();
    await this.#standIns.close();
    await this.sandbox.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get outdir(): string {
    return join(this.#folder, "out");
  }

  /** Writes a file beside the state. @returns its absolute path. */
  write(name: string, content: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, content);
    return path;
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

  async run(
    command: readonly string[],
    options: { cwd?: string; input?: string; variables?: Readonly<Record<string, string>> } = {},
  ): Promise<Ran> {
    const [file = "", ...args] = command;
    const startedAt = performance.now();
    const { exitCode, all, stdout } = await execa(file, args, {
      cwd: options.cwd ?? (this.environment === "sandbox" ? ROOT : this.#folder),
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

  #variables(): Readonly<Record<string, string>> {
    // The proxy is for gh alone; whoever is not told that this is a sandbox would send everything else there and wait for it.
    const { [SANDBOX_VARIABLE]: joined = "", HTTP_PROXY: _, NO_PROXY: __, ...vendors } = this.sandbox.env;
    const bundle = bundleWorker(ROOT, undefined);
    return {
      PATH: [join(ROOT, "node_modules/node/bin"), process.env["PATH"] ?? ""].join(delimiter),
      HOME: this.#folder,
      TMPDIR: tmpdir(),
      ...vendors,
      ...this.#standIns.variables,
      // Only the built-in environment is told that it is in a sandbox.
      ...(this.environment === "sandbox"
        ? { [SANDBOX_VARIABLE]: joined }
        : { MCPIST_WORKER_BUNDLE: bundle.ok ? bundle.value : "" }),
      MCPIST_ENV: this.environment,
      MCPIST_STATE_DIR: join(this.#folder, "state"),
      TERRAFORM_BINARY_NAME: this.#engine.path,
      TF_CLI_CONFIG_FILE: join(this.#folder, "terraformrc"),
      TF_IN_AUTOMATION: "1",
      CDKTF_DISABLE_PLUGIN_CACHE_ENV: "1",
    };
  }

  /** `cdktn synth`, or the other one. @returns what each stack's configuration says, by stack. */
  async synth(outdir: string): Promise<Readonly<Record<string, string>>> {
    const { exitCode, output } = await this.run([
      ...this.#cli.command,
      "synth",
      "--output",
      join(this.#folder, outdir),
    ]);
    if (exitCode !== 0) throw new Error(output);
    return this.#configurations(outdir);
  }

  /** The same without any CLI. */
  async plainSynth(outdir: string): Promise<Readonly<Record<string, string>>> {
    const variables = { CDKTF_OUTDIR: join(this.#folder, outdir) };
    const { exitCode, output } = await this.run([process.execPath, join(ROOT, "stacks/main.ts")], { variables });
    if (exitCode !== 0) throw new Error(output);
    return this.#configurations(outdir);
  }

  #configurations(outdir: string): Readonly<Record<string, string>> {
    const stacks = synthesizedStacks(join(this.#folder, outdir));
    return Object.fromEntries(stacks.map(({ name, file }) => [name, readFileSync(file, "utf8")]));
  }

  /** `cdktn deploy`, or the other one. */
  deploy(
    stacks: readonly string[],
    variables: Readonly<Record<string, string>> = {},
    flags: readonly string[] = [],
  ): Promise<Ran> {
    return this.#stacks("deploy", stacks, variables, flags);
  }

  /** `cdktn destroy`. */
  destroy(stacks: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ran> {
    return this.#stacks("destroy", stacks, variables, []);
  }

  /** `cdktn diff` of one stack. */
  diff(stack: string): Promise<Ran> {
    return this.run([
      ...this.#cli.command,
      "diff",
      `${this.environment}-${stack}`,
      "--no-color",
      "--skip-provider-lock",
      "--output",
      this.outdir,
    ]);
  }

  #stacks(
    verb: "deploy" | "destroy",
    stacks: readonly string[],
    variables: Readonly<Record<string, string>>,
    more: readonly string[],
  ): Promise<Ran> {
    // Locking would ask the registry even with a mirror.
    const flags = ["--auto-approve", "--no-color", "--skip-provider-lock", "--output", this.outdir, ...more];
    const named = stacks.map((stack) => `${this.environment}-${stack}`);
    return this.run([...this.#cli.command, verb, ...named, ...flags], { variables });
  }

  /** The command line of this project. */
  mcpist(args: readonly string[], input?: string): Promise<Ran> {
    return this.run(
      [process.execPath, join(ROOT, "cli/main.ts"), ...args, "--yes"],
      input === undefined ? {} : { input },
    );
  }

  #engineRun(stack: string, args: readonly string[]): Promise<Ran> {
    return this.run([this.#engine.path, ...args], {
      variables: { TF_CLI_ARGS: "-no-color" },
      cwd: join(this.outdir, "stacks", stack),
    });
  }

  /** What an engine would do to a stack that was deployed: "nothing", or its own words. */
  async plan(stack: string): Promise<string> {
    const { exitCode, output } = await this.#engineRun(`${this.environment}-${stack}`, [
      "plan",
      "-detailed-exitcode",
      "-input=false",
    ]);
    return exitCode === 0 ? "nothing" : output;
  }

  /** Takes resources out of a stack's state, as if nobody had ever known them. */
  forget(stack: string, addresses: readonly string[]): Promise<Ran> {
    return this.#engineRun(`${this.environment}-${stack}`, ["state", "rm", ...addresses]);
  }

  /** What an engine would do to every stack, by the stack's part of the name. */
  async plans(): Promise<Readonly<Record<string, string>>> {
    const plans: [string, string][] = [];
    for (const stack of this.#deployed()) {
      const part = stack.slice(this.environment.length + 1);
      plans.push([part, await this.plan(part)]);
    }
    return Object.fromEntries(plans);
  }

  #deployed(): readonly string[] {
    return readdirSync(join(this.outdir, "stacks")).sort();
  }

  /** Holds states against the policy. @param parts of the stacks' names; every stack by default. */
  async checkStates(parts?: readonly string[]): Promise<Ran> {
    const files: string[] = [];
    const stacks = parts?.map((part) => `${this.environment}-${part}`) ?? this.#deployed();
    for (const stack of stacks)
      files.push(this.write(`${stack}.json`, (await this.#engineRun(stack, ["show", "-json"])).stdout));
    return this.run([process.execPath, join(ROOT, "stacks/check.ts"), ...files]);
  }

  /** Holds the plan of a stack against the policy. @param part of the stack's name; it was synthesized and initialised before. */
  async checkPlan(part: string): Promise<Ran> {
    const stack = `${this.environment}-${part}`;
    const file = join(this.outdir, "stacks", stack, "judged.tfplan");
    const planned = await this.#engineRun(stack, ["plan", "-input=false", `-out=${file}`]);
    if (planned.exitCode !== 0) return planned;
    const shown = await this.#engineRun(stack, ["show", "-json", file]);
    rmSync(file);
    return this.run([process.execPath, join(ROOT, "stacks/check.ts"), this.write(`${stack}.plan.json`, shown.stdout)]);
  }

  /** Asks whether the accounts are what the checkout says. */
  async drift(): Promise<Ran> {
    const variables = { CDKTF_OUTDIR: this.outdir, ...(await this.#wayToHostname()) };
    return this.run([process.execPath, join(ROOT, "stacks/drift.ts")], { variables });
  }

  /** The hostname of a domain is in nobody's DNS; who asks the gateway there would wait until it gives up. */
  async #wayToHostname(): Promise<Readonly<Record<string, string>>> {
    const hostname = this.#hostname;
    if (hostname === undefined) return {};
    const { context, urls } = this.sandbox;
    const proxy = this.#proxies.get(hostname) ?? (await startConnectProxy(context, urls.gateway, hostname));
    this.#proxies.set(hostname, proxy);
    return { HTTPS_PROXY: proxy.proxyUrl, NODE_EXTRA_CA_CERTS: proxy.caFile };
  }

  /** Everything that lies on disk: states, synthesized stacks, locks. */
  files(): readonly string[] {
    return readdirSync(this.#folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
  }
}

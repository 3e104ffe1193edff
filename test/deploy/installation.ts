/** What an operator types on fresh accounts (./workplace.ts): a CLI, the engine by itself, the policy, `mcpist`. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { synthesizedStacks, type SynthesizedStack } from "../../stacks/manifest.ts";
import type { DeployCli, Engine } from "./tools.ts";
import { furnish, type Ran, ROOT, type Variables, Workplace } from "./workplace.ts";

/** The places for secrets are there before what refuses to start without one. */
const TIERS = ["base", "service"];

/** True for the stack of that name, or for all that begin so. @param pattern `name` or `name-*`. */
const matches = (name: string, pattern: string): boolean =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

/** What several commands did: it failed when one of them did. */
const together = (all: readonly Ran[]): Ran => ({
  exitCode: all.find(({ exitCode }) => exitCode !== 0)?.exitCode ?? 0,
  output: all.map(({ output }) => output).join("\n"),
  stdout: all.map(({ stdout }) => stdout).join("\n"),
});

/** One installation on fresh accounts. */
export class Installation extends Workplace {
  /** The built-in environment of the sandbox, deployed from this checkout. */
  static async open(engine: Engine, cli: DeployCli): Promise<Installation> {
    return new Installation(await furnish(engine, cli));
  }

  /** `cdktn synth`, or the other one. @returns what each stack's configuration says, by stack. */
  async synth(cli: DeployCli, outdir: string): Promise<Variables> {
    const { exitCode, output } = await this.run([...cli.command, "synth", "--output", join(this.folder, outdir)]);
    if (exitCode !== 0) throw new Error(output);
    return this.#configurations(outdir);
  }

  /** The same without any CLI. */
  async plainSynth(outdir: string): Promise<Variables> {
    const { exitCode, output } = await this.node("stacks/main.ts", [], { CDKTF_OUTDIR: join(this.folder, outdir) });
    if (exitCode !== 0) throw new Error(output);
    return this.#configurations(outdir);
  }

  #configurations(outdir: string): Variables {
    const stacks = synthesizedStacks(join(this.folder, outdir));
    return Object.fromEntries(stacks.map(({ name, file }) => [name, readFileSync(file, "utf8")]));
  }

  /** `cdktn deploy`, or the other one. */
  deploy(stacks: readonly string[], variables: Variables = {}, flags: readonly string[] = []): Promise<Ran> {
    return this.#stacks("deploy", stacks, variables, flags);
  }

  /** `cdktn destroy`. */
  destroy(stacks: readonly string[], variables: Variables = {}): Promise<Ran> {
    return this.#stacks("destroy", stacks, variables, []);
  }

  /** `cdktn diff` of one stack. */
  diff(stack: string): Promise<Ran> {
    return this.run([
      ...this.cli.command,
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
    variables: Variables,
    more: readonly string[],
  ): Promise<Ran> {
    // Locking would ask the registry even with a mirror.
    const flags = ["--auto-approve", "--no-color", "--skip-provider-lock", "--output", this.outdir, ...more];
    const named = stacks.map((stack) => `${this.environment}-${stack}`);
    return this.run([...this.cli.command, verb, ...named, ...flags], { variables });
  }

  /**
   * What a CLI makes of a deploy, without one: a synthesis, then `init` and `apply` in the folder of each stack. It costs a quarter of
   * the processor's time; that the CLIs do the same is shown where {@link Installation.deploy} is used (bootstrap.deploy.test.ts first).
   */
  async apply(stacks: readonly string[], variables: Variables = {}): Promise<Ran> {
    const ran = [await this.node(this.stacksFile, [], { CDKTF_OUTDIR: this.outdir, ...variables })];
    const wanted = synthesizedStacks(this.outdir).filter(({ name }) =>
      stacks.some((pattern) => matches(name, `${this.environment}-${pattern}`)),
    );
    for (const tier of TIERS) {
      if (together(ran).exitCode !== 0) break;
      const now = wanted.filter(({ name }) => name.startsWith(`${this.environment}-${tier}-`));
      ran.push(...(await Promise.all(now.map((stack) => this.#applied(stack, variables)))));
    }
    return together(ran);
  }

  async #applied({ name }: SynthesizedStack, variables: Variables): Promise<Ran> {
    const init = await this.#engineRun(name, ["init", "-input=false"], variables);
    if (init.exitCode !== 0) return init;
    return this.#engineRun(name, ["apply", "-input=false", "-auto-approve"], variables);
  }

  /** The command line of this project. */
  mcpist(args: readonly string[], input?: string): Promise<Ran> {
    const command = [process.execPath, join(ROOT, "cli/main.ts"), ...args, "--yes"];
    return this.run(command, input === undefined ? {} : { input });
  }

  #engineRun(stack: string, args: readonly string[], variables: Variables = {}): Promise<Ran> {
    return this.run([this.engine.path, ...args], {
      variables: { TF_CLI_ARGS: "-no-color", ...variables },
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
  async plans(): Promise<Variables> {
    const parts = this.#deployed().map((stack) => stack.slice(this.environment.length + 1));
    const plans = await Promise.all(parts.map(async (part) => [part, await this.plan(part)] as const));
    return Object.fromEntries(plans);
  }

  #deployed(): readonly string[] {
    return readdirSync(join(this.outdir, "stacks")).sort();
  }

  /** Holds states against the policy. @param parts of the stacks' names; every stack by default. */
  async checkStates(parts?: readonly string[]): Promise<Ran> {
    const stacks = parts?.map((part) => `${this.environment}-${part}`) ?? this.#deployed();
    const files = await Promise.all(
      stacks.map(async (stack) => {
        const { stdout } = await this.#engineRun(stack, ["show", "-json"]);
        return this.write(`${stack}.json`, stdout);
      }),
    );
    return this.node("stacks/check.ts", files);
  }

  /** Holds the plans of stacks against the policy. @param parts of the stacks' names; they were synthesized before. */
  async checkPlans(parts: readonly string[]): Promise<Ran> {
    const plans = await Promise.all(parts.map((part) => this.#shownPlan(`${this.environment}-${part}`)));
    const planned = together(plans.map(({ ran }) => ran));
    if (planned.exitCode !== 0) return planned;
    return this.node(
      "stacks/check.ts",
      plans.map(({ file }) => file),
    );
  }

  /** @returns what the engine did, and the file that says the plan as JSON. */
  async #shownPlan(stack: string): Promise<{ readonly ran: Ran; readonly file: string }> {
    const plan = join(this.outdir, "stacks", stack, "judged.tfplan");
    const planned = [
      await this.#engineRun(stack, ["init", "-input=false"]),
      await this.#engineRun(stack, ["plan", "-input=false", `-out=${plan}`]),
    ];
    const { stdout } = await this.#engineRun(stack, ["show", "-json", plan]);
    rmSync(plan, { force: true });
    return { ran: together(planned), file: this.write(`${stack}.plan.json`, stdout) };
  }

  /** Asks whether the accounts are what the checkout says. */
  async drift(): Promise<Ran> {
    return this.node("stacks/drift.ts", [], { CDKTF_OUTDIR: this.outdir, ...(await this.wayToHostname()) });
  }
}

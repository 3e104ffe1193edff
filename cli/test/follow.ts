/** A person at a terminal, who types a command, reads what it prints and follows it word by word. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EnvironmentInput } from "../../contract/config.ts";
import type { Context } from "../context.ts";
import { mcpist } from "../hints/hint.ts";
import { run } from "../program.ts";
import type { OwnerDatabase } from "../../supabase/migrate/database.ts";
import type { Targets } from "../targets/types.ts";
import { ENVIRONMENT_INPUT } from "./environment.ts";
import type { FakeCloud } from "./fake-cloud.ts";
import { testContext } from "./test-context.ts";

/** Not the usual name, so that a hint has to carry it. */
export const CONFIG = "ops.config.ts";
/** What follows every command that is typed at such a desk. */
export const FLAGS = ["--env", "production", "--config", CONFIG] as const;

const TOKENS = { GH_TOKEN: "gh-token-1", CLOUDFLARE_API_TOKEN: "cf-token-1", KOYEB_TOKEN: "koyeb-token-1" };

/** The configuration of the tests, as the fake cloud's gateway has it. */
export const ENVIRONMENT: EnvironmentInput = {
  ...ENVIRONMENT_INPUT,
  // Fewer looks until a secret is quiet; what is said does not depend on it.
  drain: { minAge: "2s", quiet: "4s", max: "60s" },
  origins: ENVIRONMENT_INPUT.origins.map((origin) => ({ ...origin, url: `https://${origin.name}.example.com` })),
};

/** Where somebody works. */
export interface Desk {
  /** What the commands reach; absent = the network of `fetch`. */
  readonly cloud?: FakeCloud;
  readonly folder: string;
  fetch?: typeof fetch;
  database?: () => Promise<OwnerDatabase>;
  /** Other targets than the cloud's. */
  swap?: (targets: Targets) => Targets;
  terminal?: boolean;
  columns?: number;
  /** May be changed, as in a shell. */
  readonly env: Record<string, string | undefined>;
  /** What is piped into a command. */
  stdin?: string;
  realTime?: boolean;
  signal?: AbortSignal;
}

/** GitHub's answer to the one question that a rotation asks past its targets. */
const githubAnswers: typeof fetch = async () => Response.json({ key_id: "1", key: "k" });

/** A folder with a configuration file whose content may be changed later. */
export function desk(options: Partial<Desk> & { readonly environment?: EnvironmentInput } = {}): Desk {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-hints-"));
  // Node keeps modules, so what changes is read by the module.
  const reads = `readFileSync(new URL("./environments.json", import.meta.url), "utf8")`;
  writeFileSync(
    join(folder, CONFIG),
    `import { readFileSync } from "node:fs";\nexport default { get environments() { return JSON.parse(${reads}); } };\n`,
  );
  const { environment = ENVIRONMENT, ...rest } = options;
  const made: Desk = {
    folder,
    fetch: githubAnswers,
    ...rest,
    env: { ...TOKENS, FLY_API_TOKEN: "fly-token-1", ...rest.env },
  };
  configure(made, environment);
  return made;
}

/** Edits the configuration. */
export function configure({ folder }: Desk, environment: EnvironmentInput): void {
  writeFileSync(join(folder, "environments.json"), JSON.stringify({ production: environment }));
}

/** The configuration of the tests with other states of its origins. */
export const withStates = (states: Readonly<Record<string, "pool" | "joining" | "quarantined">>): EnvironmentInput => ({
  ...ENVIRONMENT,
  origins: ENVIRONMENT.origins.map((origin) => ({ ...origin, state: states[origin.name] ?? "pool" })),
});

/** What a command came to. */
export interface Said {
  readonly argv: readonly string[];
  readonly code: number;
  readonly text: string;
  /** Ids of the hints that were printed. */
  readonly told: readonly string[];
  /** What every command of ours in a hint has to carry; "" before the configuration was read. */
  readonly flags: string;
  /** The last hint or `next:`; null = none. */
  readonly hint: string | null;
}

/** Types one command. */
export async function type(desk: Desk, argv: readonly string[]): Promise<Said> {
  const { cloud } = desk;
  const self = { dead: false };
  const plain = testContext({
    env: desk.env,
    cwd: desk.folder,
    ...(desk.fetch ? { fetch: desk.fetch } : {}),
    ...(desk.stdin === undefined ? {} : { stdin: desk.stdin }),
    ...(desk.realTime ? { realTime: true } : {}),
    ...(desk.terminal ? { terminal: true } : {}),
    ...(desk.columns === undefined ? {} : { columns: desk.columns }),
    ...(desk.signal ? { signal: desk.signal } : {}),
  });
  const clock = cloud?.context(self, desk.signal);
  const context: Context = {
    ...plain,
    ...(clock
      ? { now: clock.now, monotonic: clock.monotonic, sleep: clock.sleep, randomBytes: clock.randomBytes }
      : {}),
    ...(desk.database ? { database: desk.database } : {}),
    ...(cloud
      ? {
          platforms: ({ environment }) => {
            const targets = desk.swap?.(cloud.targets(self)) ?? cloud.targets(self);
            const origins = targets.origins.flatMap((target) => {
              const origin = environment.origins.find(({ name }) => name === target.name);
              return origin ? [{ ...target, state: origin.state }] : [];
            });
            return { targets: { ...targets, origins }, store: cloud.store(self) };
          },
        }
      : {}),
  };
  const code = await run(argv, context);
  const text = plain.err() + plain.out();
  const hints = [...text.matchAll(/^(?:hint|next): {2}(.+)$|^ {2}stop: .*\n {8}(.+)$/gm)];
  const [, printed, stop] = hints.at(-1) ?? [];
  return {
    argv,
    code,
    text,
    told: context.place.told,
    flags: mcpist("secrets verify")(context.place).slice("mcpist secrets verify".length),
    hint: printed ?? stop ?? null,
  };
}

/** Commands of ours in a hint, each without its first word. They end where a person stops reading: at a mark or a bracket. */
export const commandsIn = (hint: string): readonly (readonly string[])[] =>
  [...hint.matchAll(/\bmcpist ([^;,()<|]+)/g)]
    .map(([, words = ""]) => words.trim().split(/\s+/))
    // Terraform is a person's here: what it would do, `byHand` does.
    .filter(([command]) => command !== "deploy");

/** What a hint without a command of ours asks for: the same command, perhaps with something more. */
export function againIn(hint: string, argv: readonly string[]): readonly string[] | null {
  if (hint.includes("with --debug")) return [...argv, "--debug"];
  const flag = /^(?:add )?(--[\w-]+)(?: ([^\s,|]+))?/.exec(hint) ?? /the same command with (--[\w-]+) (\S+)/.exec(hint);
  if (flag) {
    const [, name = "", value] = flag;
    const at = argv.indexOf(name);
    const rest = at < 0 ? argv : argv.filter((_, i) => i !== at && i !== at + 1);
    return [...rest, name, ...(value === undefined ? [] : [value])];
  }
  return /command again|again is safe|\bthen\b|workflow job|new job|^(?:check|set|unset|copy|correct|choose|export|read|start a new job)\b/.test(
    hint,
  )
    ? argv
    : null;
}

/** What the follower does besides typing. */
export interface Follower {
  /** What the first hint asks of a person, before anything is typed again. */
  readonly byHand?: (desk: Desk, hint: string) => void | Promise<void>;
  /** Which of several commands; absent = the first. "again" = none of them, but the same one again. */
  readonly choose?: number | "again";
  /** What a person types who chooses from what the hint lists. */
  readonly retype?: string;
  /** Variables of a workflow job, where a hint says that it is one. */
  readonly job?: Readonly<Record<string, string>>;
}

const MOST_STEPS = 6;

/** Types `argv` and follows what is printed until nothing is asked any more. @returns everything that was said, in order. */
export async function follow(
  desk: Desk,
  argv: readonly string[],
  { byHand, choose = 0, job, retype }: Follower = {},
): Promise<readonly Said[]> {
  const said = [await type(desk, argv)];
  for (let step = 0; step < MOST_STEPS; step++) {
    const last = said.at(-1);
    if (!last?.hint || last.hint === "nothing to do") break;
    if (step === 0) await byHand?.(desk, last.hint);
    const again = step === 0 && choose === "again";
    const command = commandsIn(last.hint)[step === 0 && typeof choose === "number" ? choose : 0];
    const chosen =
      step === 0 && retype !== undefined ? [...retype.split(" "), ...(last.argv.includes(CONFIG) ? FLAGS : [])] : null;
    const next = chosen ?? (again ? last.argv : (command ?? againIn(last.hint, last.argv)));
    // A local cloud takes seconds, and outlives the test.
    if (!next || /^(?:sandbox|demo)$/.test(next[0] ?? "")) break;
    if (job && /workflow job|new job/.test(last.hint)) Object.assign(desk.env, job);
    said.push(await type(desk, next));
  }
  return said;
}

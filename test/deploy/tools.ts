/** Finds the programs that the deploy tests drive. Absent ones are skipped with a reason; under CI=true their absence is red. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { CACHE } from "./mirror.ts";

/** Terraform or OpenTofu. */
export interface Engine {
  readonly name: "terraform" | "tofu";
  /** Absolute; goes into TERRAFORM_BINARY_NAME. */
  readonly path: string;
}

/** A command line that deploys stacks. */
export interface DeployCli {
  readonly name: "cdktn" | "cdktf";
  readonly command: readonly [string, ...string[]];
}

const ROOT = join(import.meta.dirname, "../..");

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const FOLDERS = [
  ...(process.env["PATH"] ?? "").split(delimiter),
  join(CACHE, "bin"),
  join(CACHE, "cdktf-cli/node_modules/node/bin"),
];

/** All programs of a name: in PATH, then in the cache. */
const all = (name: string): readonly string[] => FOLDERS.map((folder) => join(folder, name)).filter(executable);

/** The archived CLI brings a native part that newer releases of Node do not load. */
const NEWEST_NODE_OF_CDKTF = 22;

function oldNode(): string | undefined {
  const major = (node: string) =>
    Number(/^v(\d+)\./.exec(spawnSync(node, ["--version"], { encoding: "utf8" }).stdout)?.[1]);
  return all("node").find((node) => major(node) <= NEWEST_NODE_OF_CDKTF);
}

/** The engines of this machine. */
export const ENGINES: readonly Engine[] = (["terraform", "tofu"] as const).flatMap((name) => {
  const [path] = all(name);
  return path === undefined ? [] : [{ name, path }];
});

/** The maintained CLI comes with the checkout; the archived one is tried where someone installed it, outside of it. */
export const CLIS: readonly DeployCli[] = [
  { name: "cdktn" as const, node: process.execPath, path: join(ROOT, "node_modules/cdktn-cli/bin/cdktn") },
  { name: "cdktf" as const, node: oldNode(), path: join(CACHE, "cdktf-cli/node_modules/.bin/cdktf") },
].flatMap(({ name, node, path }) =>
  node !== undefined && existsSync(path) ? [{ name, command: [node, path] as const }] : [],
);

/** Every engine with the maintained CLI, and the archived one with the first engine. */
export const PAIRS: readonly (readonly [title: string, Engine, DeployCli])[] = CLIS.flatMap((cli) =>
  ENGINES.slice(0, cli.name === "cdktn" ? undefined : 1).map(
    (engine) => [`${cli.name} with ${engine.name}`, engine, cli] as const,
  ),
);

export const IN_CI = process.env["CI"] === "true";

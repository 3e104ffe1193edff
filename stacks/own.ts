/** What a user adds beside our stacks, and which of a synthesis's stacks that were. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
// Types alone, and from the library itself: the declarations of ./cdktf.ts name packages that a user does not have.
import type { TerraformStack } from "cdktf";
import type { Tier } from "./stack.ts";

/** Beside the manifest. */
const LIST = "own-stacks.json";

/** Where a user's constructs go. */
export interface Beside {
  /** Name of the environment that is synthesized. */
  readonly environment: string;
  /**
   * A stack with a state of its own, kept where the configuration says. `mcpist deploy --base` deploys what is in "base", `mcpist deploy`
   * both tiers.
   * @param part lower-case letters, digits and dashes: "dns" becomes production-base-dns
   * @throws {TypeError} for another name, or one that is taken
   */
  stack(tier: Tier, part: string): TerraformStack;
}

/** Adds constructs: `({ stack }) => { new DnsRecord(stack("base", "dns"), …) }`. */
export type OwnConstructs = (beside: Beside) => void | Promise<void>;

/** Notes which stacks of a synthesis are the user's; none = no note. */
export function noteOwnStacks(outdir: string, names: readonly string[]): void {
  const file = join(outdir, LIST);
  if (names.length === 0) rmSync(file, { force: true });
  else writeFileSync(file, `${JSON.stringify(names)}\n`);
}

/** Names of the user's stacks in a synthesis. */
export function ownStacks(outdir: string): ReadonlySet<string> {
  const file = join(outdir, LIST);
  const names: unknown = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  return new Set(Array.isArray(names) ? names.map(String) : []);
}

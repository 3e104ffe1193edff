/** Holds files against the policy and puts what is wrong into words. Reads; removes only what a refused synthesis left. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "../contract/result.ts";
import { readDocument } from "./document.ts";
import { MANIFEST, type SynthesizedStack, synthesizedStacks } from "./manifest.ts";
import { checkAll, selfTest } from "./evaluate.ts";
import { ownStacks } from "./own.ts";
import { RULES, RULES_FOR_OWN } from "./rules/all.ts";
import type { Rule } from "./rules/rule.ts";

/** What an engine loads from a stack's folder. */
const CONFIGURATION = /\.(tf|tofu)(\.json)?$/;

/** @returns one text of some lines per violation, or as error the file that is no document. */
export function judgeFile(path: string, rules: readonly Rule[] = RULES): Result<readonly string[], string> {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch {
    return err(`${path} cannot be read`);
  }
  const document = readDocument(content);
  if (!document.ok) return err(`${path} ${document.error}`);
  return ok(
    checkAll(rules, document.value).map(
      ({ rule, finding }) => `${path}\n  ${rule.name}: ${finding}\n  because ${rule.why}\n`,
    ),
  );
}

/** Files beside a stack's configuration that an engine would merge into it, although no synthesis wrote them. */
const strangers = ({ folder, file }: SynthesizedStack): readonly string[] =>
  readdirSync(folder)
    .filter((name) => CONFIGURATION.test(name))
    .map((name) => join(folder, name))
    .filter((path) => path !== file);

/** A rule that does not refuse its own bad example is broken, and then nothing passes. @returns one sentence per broken rule. */
export const brokenRules = (): readonly string[] => selfTest(RULES);

/** The last synthesis. @returns as {@link judgeFile}, for all of its stacks. */
export function judgeSynthesis(outdir: string): Result<readonly string[], string> {
  const violations: string[] = [];
  const own = ownStacks(outdir);
  for (const stack of synthesizedStacks(outdir)) {
    const judged = judgeFile(stack.file, own.has(stack.name) ? RULES_FOR_OWN : RULES);
    if (!judged.ok) return judged;
    const beside = strangers(stack).map(
      (path) => `${path}\n  is no part of the synthesis, and an engine would load it\n`,
    );
    violations.push(...judged.value, ...beside);
  }
  return ok(violations);
}

/** Takes a synthesis back, so that a CLI that skips the synthesis finds nothing to deploy either. */
export function withdraw(outdir: string): void {
  for (const { file } of synthesizedStacks(outdir)) rmSync(file, { force: true });
  rmSync(join(outdir, MANIFEST), { force: true });
}

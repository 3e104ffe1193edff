/**
 * `node stacks/check.ts [FILE…]` holds every document against the policy: the synthesized stacks of cdktf.out, or the named
 * outputs of `terraform show -json`. Exit codes: 0 all accepted, 1 a violation or a broken rule, 2 nothing to check or an
 * unreadable file.
 */
import process from "node:process";
import { err, ok, type Result } from "../contract/result.ts";
import { brokenRules, judgeFile, judgeSynthesis } from "./check-files.ts";
import { synthesizedStacks } from "./manifest.ts";
import { RULES } from "./rules/all.ts";

function judgeFiles(paths: readonly string[]): Result<readonly string[], string> {
  const violations: string[] = [];
  for (const path of paths) {
    const judged = judgeFile(path);
    if (!judged.ok) return err(judged.error);
    violations.push(...judged.value);
  }
  return ok(violations);
}

function main(files: readonly string[]): number {
  const broken = brokenRules();
  for (const sentence of broken) process.stderr.write(`error: ${sentence}\n`);
  if (broken.length > 0) return 1;
  const outdir = process.env["CDKTF_OUTDIR"] || "cdktf.out";
  const documents = files.length > 0 ? files.length : synthesizedStacks(outdir).length;
  if (documents === 0) {
    process.stderr.write(`error: nothing to check in ${outdir} (ERR_NOTHING_TO_CHECK)\nhint:  npm run synth:app\n`);
    return 2;
  }
  const judged = files.length > 0 ? judgeFiles(files) : judgeSynthesis(outdir);
  if (!judged.ok) {
    process.stderr.write(`error: ${judged.error}\n`);
    return 2;
  }
  for (const violation of judged.value) process.stderr.write(violation);
  process.stdout.write(`policy: ${RULES.length} rules, ${documents} documents, ${judged.value.length} violations\n`);
  return judged.value.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));

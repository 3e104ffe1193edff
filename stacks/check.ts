/**
 * `node stacks/check.ts [FILE…]` holds every document against the policy: the synthesized stacks of cdktf.out, or the named
 * outputs of `terraform show -json`. A rule that does not refuse its own bad example is broken, and then nothing passes.
 * Exit codes: 0 all accepted, 1 a violation or a broken rule, 2 nothing to check or an unreadable file.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { readDocument } from "./document.ts";
import { synthesizedStacks } from "./manifest.ts";
import { RULES } from "./rules.ts";
import { checkAll, selfTest } from "./policy.ts";

function main(files: readonly string[]): number {
  const broken = selfTest(RULES);
  for (const sentence of broken) process.stderr.write(`error: ${sentence}\n`);
  if (broken.length > 0) return 1;
  const outdir = process.env["CDKTF_OUTDIR"] || "cdktf.out";
  const paths = files.length > 0 ? files : synthesizedStacks(outdir).map(({ file }) => file);
  if (paths.length === 0) {
    process.stderr.write(`error: nothing to check in ${outdir} (ERR_NOTHING_TO_CHECK)\nhint:  npm run synth:app\n`);
    return 2;
  }
  let violations = 0;
  for (const path of paths) {
    let content: string;
    try {
      content = readFileSync(path, "utf8");
    } catch {
      process.stderr.write(`error: ${path} cannot be read\n`);
      return 2;
    }
    const document = readDocument(content);
    if (!document.ok) {
      process.stderr.write(`error: ${path} ${document.error}\n`);
      return 2;
    }
    for (const { rule, finding } of checkAll(RULES, document.value)) {
      violations++;
      process.stderr.write(`${path}\n  ${rule.name}: ${finding}\n  because ${rule.why}\n`);
    }
  }
  process.stdout.write(`policy: ${RULES.length} rules, ${paths.length} documents, ${violations} violations\n`);
  return violations === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));

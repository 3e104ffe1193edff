/**
 * Adds up the reports of the suites (./report.ts) and the steps that are no tests, names what failed, and prints the line that a landing
 * reads. Names come last because a log of half an hour is mostly read from its end.
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import type { Report } from "./report.ts";

/** What is shown of a long message: how it begins, and how it ends, because a command's own error comes last. Unit: lines. */
const HEAD_LINES = 5;
const TAIL_LINES = 20;
const [failedSteps = "0", ...files] = process.argv.slice(2);
let [passed, failed, skipped] = [0, Number(failedSteps), 0];
const told: string[] = [];
for (const reportFile of files) {
  const report = JSON.parse(readFileSync(reportFile, "utf8")) as Report;
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = relative(process.cwd(), name);
    const failures = assertionResults.filter((test) => test.status === "failed");
    for (const test of failures)
      told.push(`FAILED ${file} > ${test.fullName}\n${shortened(test.failureMessages.join("\n"))}`);
    const said = message || (failures.length === 0 ? "the report has no error of it: see what was printed above" : "");
    if (status === "failed" && said !== "") told.push(`FAILED ${file}\n${shortened(said)}`);
  }
  for (const error of report.unhandledErrors ?? []) told.push(`FAILED beside the tests\n${shortened(error)}`);
}
for (const failure of told) process.stdout.write(`\n${failure}\n`);
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function shortened(message: string): string {
  const lines = message.split("\n").filter((line) => line.trim() !== "" && !line.includes("/node_modules/"));
  const shown =
    lines.length <= HEAD_LINES + TAIL_LINES + 1
      ? lines
      : [...lines.slice(0, HEAD_LINES), "…", ...lines.slice(-TAIL_LINES)];
  return shown.map((line) => `  ${line}`).join("\n");
}

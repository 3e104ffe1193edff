/** Adds up vitest's JSON reports and the steps that are no tests, and prints the line that a landing reads. */
import { readFileSync } from "node:fs";

const [failedSteps = "0", ...files] = process.argv.slice(2);
let [passed, failed, skipped] = [0, Number(failedSteps), 0];
for (const file of files) {
  const report = JSON.parse(readFileSync(file, "utf8")) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    numTodoTests: number;
  };
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
}
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/**
 * Cold start of `mcpist --help` against a bare `node -e 0`, interleaved, as ratios of medians: the command as it is published
 * (built first), and run from TypeScript as in a checkout. Prints; asserts nothing.
 */
import { spawnSync } from "node:child_process";

const ROUNDS = 21;
const once = (args: readonly string[]): number => {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}`);
  return performance.now() - started;
};
const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const built = spawnSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
if (built.status !== 0) throw new Error("the build failed");
const [published, checkout, bare]: [number[], number[], number[]] = [[], [], []];
once(["dist/cli/main.js", "--help"]);
once(["cli/main.ts", "--help"]);
for (let i = 0; i < ROUNDS; i++) {
  bare.push(once(["-e", "0"]));
  published.push(once(["dist/cli/main.js", "--help"]));
  checkout.push(once(["cli/main.ts", "--help"]));
}
const line = (name: string, values: number[]) =>
  `${name} ${median(values).toFixed(0)} ms, ${(median(values) / median(bare)).toFixed(2)}x a bare node (${median(bare).toFixed(0)} ms; aim: at most 3x)\n`;
process.stdout.write(line("mcpist --help as published:", published));
process.stdout.write(line("mcpist --help from a checkout:", checkout));

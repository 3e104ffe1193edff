/** Cold start of `mcpist --help` against a bare `node -e 0`, interleaved, as a ratio of medians. Prints; asserts nothing. */
import { spawnSync } from "node:child_process";

const ROUNDS = 21;
const once = (args: readonly string[]): number => {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}`);
  return performance.now() - started;
};
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const [help, bare]: [number[], number[]] = [[], []];
once(["cli/main.ts", "--help"]);
for (let i = 0; i < ROUNDS; i++) {
  bare.push(once(["-e", "0"]));
  help.push(once(["cli/main.ts", "--help"]));
}
process.stdout.write(
  `mcpist --help ${median(help).toFixed(0)} ms, node -e 0 ${median(bare).toFixed(0)} ms, ratio ${(median(help) / median(bare)).toFixed(2)} (aim: at most 3)\n`,
);

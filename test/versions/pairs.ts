/**
 * This version beside the previous one, both ways, with both trees as real programs.
 *
 *   npm run test:versions            needs the previous commit in the history: git fetch --unshallow
 *
 * 1. The rotator of the previous version ends what this one began and left, at every call.
 * 2. In a sandbox of each version (its Worker, its origins, its database) the command lines of both work in turn.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hasPrevious, PREVIOUS, previousTree } from "./previous.ts";
import type { Outcome } from "./resume.ts";
import { snapshots } from "./snapshots.ts";

const HERE = fileURLToPath(new URL("../..", import.meta.url));
/** Unit: milliseconds. */
const LONGEST_MS = 15 * 60_000;
let failed = 0;
const check = (what: string, good: boolean, text: string): void => {
  process.stdout.write(`${good ? "ok  " : "FAIL"} ${what}\n${good ? "" : `${text}\n`}`);
  if (!good) failed++;
};

const environment = { ...process.env, NO_COLOR: "1", MCPIST_SANDBOX: "", MCPIST_ENV: "" };
const main = (tree: string): string => join(tree, "cli/main.ts");

interface Turn {
  readonly by: "this" | "previous";
  readonly words: "rotate" | "verify";
  /** Exit codes that are right; absent = 0. */
  readonly codes?: readonly number[];
}
const ROTATES_AND_VERIFIES: readonly Turn[] = (["this", "previous"] as const).flatMap((by): readonly Turn[] => [
  { by, words: "rotate" },
  { by: "this", words: "verify" },
  { by: "previous", words: "verify" },
]);
/**
 * The previous version looks for its annotation in Cloudflare's list of versions, which holds none, and reads Fly's lists as if they were
 * never behind. It stops after its upload (exit code 5); this version ends what it began.
 */
const BEGINS_AND_ENDS: readonly Turn[] = [
  { by: "previous", words: "rotate", codes: [0, 5] },
  { by: "this", words: "rotate" },
  { by: "this", words: "verify" },
  { by: "previous", words: "verify" },
];

/** The turns of both command lines inside a sandbox of one tree. */
function inSandbox(
  what: string,
  tree: string,
  trees: Readonly<Record<Turn["by"], string>>,
  turns: readonly Turn[],
): void {
  const calm = `const { control } = JSON.parse(process.env.MCPIST_SANDBOX); await fetch(control + "/timings", { method: "PATCH", headers: { "content-type": "application/json" }, body: JSON.stringify({ listLagMs: 0 }) });`;
  const script = [
    `"$NODE" --input-type=module -e '${calm}'`,
    ...turns.map(
      ({ by, words }) => `"$NODE" "${main(trees[by])}" secrets ${words} --env sandbox >&2; echo "${by} ${words} $?"`,
    ),
  ].join("\n");
  const { stdout, stderr } = spawnSync(process.execPath, [main(tree), "sandbox", "--", "sh", "-c", script], {
    cwd: tree,
    env: { ...environment, NODE: process.execPath },
    encoding: "utf8",
    timeout: LONGEST_MS,
  });
  const lines = stdout.split("\n").filter((line) => /^(?:this|previous) /.test(line));
  const good = turns.every(({ by, words, codes = [0] }, i) =>
    codes.some((code) => lines[i] === `${by} ${words} ${code}`),
  );
  check(what, good, `${lines.join("\n")}\n${stderr.slice(-3000)}`);
}

if (!hasPrevious()) {
  process.stdout.write(
    `skip: commit ${PREVIOUS} is not in this history (git fetch --unshallow); test/versions/versions.test.ts has what was recorded of it\n`,
  );
  process.exitCode = process.env["CI"] ? 1 : 0;
} else {
  const { path, remove } = previousTree();
  try {
    const input = JSON.stringify(await snapshots());
    const { stdout, stderr } = spawnSync(process.execPath, [join(path, "test/versions/resume.ts")], {
      cwd: path,
      input,
      encoding: "utf8",
      env: environment,
    });
    const outcomes = stdout === "" ? [] : (JSON.parse(stdout) as readonly Outcome[]);
    check(
      `the previous rotator ends what this one left at any of ${outcomes.length} moments`,
      outcomes.length > 10 && outcomes.every(({ ends }) => ends === "STEADY"),
      `${outcomes.map(({ event, ends }) => `${event}: ${ends}`).join("\n")}\n${stderr.slice(-2000)}`,
    );
    const trees = { this: HERE, previous: path };
    inSandbox(
      "beside the previous Worker and origins both command lines rotate in turn, and both find it in step",
      path,
      trees,
      ROTATES_AND_VERIFIES,
    );
    inSandbox(
      "beside this Worker and these origins this command line ends what the previous one begins",
      HERE,
      trees,
      BEGINS_AND_ENDS,
    );
  } finally {
    remove();
  }
  process.exitCode = failed > 0 ? 1 : 0;
}

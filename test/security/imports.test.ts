/** Imports point one way, towards contract/. Proven by the linter itself on a copy of the house where every rule is broken once. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["stacks", "cli", "worker", "origin", "sandbox"];
const RULE = "eslint(no-restricted-imports)";

/** Path of a file that may not exist like this, and its one line. */
const FORBIDDEN: readonly (readonly [path: string, line: string])[] = [
  ...FOLDERS.flatMap((from) =>
    [...FOLDERS, "test", "bench", "site"]
      .filter((to) => to !== from && !(from === "sandbox" && (to === "worker" || to === "origin")))
      .map((to) => [`${from}/deep/uses-${to}.ts`, `import { x } from "../../${to}/x.ts";`] as const),
  ),
  ...FOLDERS.map((to) => [`contract/uses-${to}.ts`, `import { x } from "../${to}/x.ts";`] as const),
  ["contract/uses-a-package.ts", 'import { x } from "zod";'],
  ["contract/config.ts", 'import { x } from "jose";'],
  ["worker/uses-node.ts", 'import { x } from "node:fs";'],
  ["worker/uses-zod.ts", 'import { x } from "zod";'],
  ["cli/lazily.ts", 'export const later = () => import("../worker/x.ts");'],
  ["cli/passes-on.ts", 'export { x } from "../worker/x.ts";'],
  ["cli/local/demo.ts", 'import { x } from "../../worker/x.ts";'],
  ["cli/local/page.ts", 'import { x } from "../../site/x.ts";'],
  ["cli/commands/other.ts", 'import { x } from "../../sandbox/x.ts";'],
  ["cli/shell.ts", 'import { exec } from "node:child_process";'],
];
const ALLOWED: readonly (readonly [path: string, line: string])[] = [
  ...FOLDERS.map((from) => [`${from}/fine.ts`, 'import { x } from "../contract/x.ts";'] as const),
  ["cli/local/sandbox.ts", 'import { x } from "../../sandbox/x.ts";'],
  ["sandbox/starts-worker.ts", 'import { x } from "../worker/x.ts";'],
  ["test/across.ts", 'import { x } from "../origin/x.ts";'],
];

let house: string;
let flagged: ReadonlySet<string>;

beforeAll(async () => {
  house = mkdtempSync(join(tmpdir(), "mcpist-imports-"));
  cpSync(join(ROOT, "oxlint.config.ts"), join(house, "oxlint.config.ts"));
  symlinkSync(join(ROOT, "node_modules"), join(house, "node_modules"));
  for (const [path, line] of [...FORBIDDEN, ...ALLOWED]) {
    mkdirSync(dirname(join(house, path)), { recursive: true });
    writeFileSync(join(house, path), `${line}\n`);
  }
  const oxlint = join(ROOT, "node_modules/oxlint/bin/oxlint");
  // It ends with 1 because it finds something; that is what it is asked for.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [oxlint, "-f", "json", ...FOLDERS, "contract", "test"],
    {
      cwd: house,
      encoding: "utf8",
    },
  ).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? "" }));
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly { code: string; filename: string }[] };
  flagged = new Set(diagnostics.filter(({ code }) => code === RULE).map(({ filename }) => filename));
});
afterAll(() => rmSync(house, { recursive: true, force: true }));

describe("imports", () => {
  it.each(FORBIDDEN)("are refused in %s: %s", (path) => {
    expect([...flagged]).toContain(path);
  });

  it.each(ALLOWED)("are fine in %s: %s", (path) => {
    expect([...flagged]).not.toContain(path);
  });
});

/** Every command block of the runbooks is followed, or says why not. One terminal and one sandbox per document, in the document's order. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocksOf, titleOf } from "./blocks.ts";
import { BLOCK_MS, Terminal } from "./terminal.ts";

const ROOT = join(import.meta.dirname, "../..");
const ENVIRONMENT = ["--env", "production"] as const;

const read = (file: string) => blocksOf(file, readFileSync(join(ROOT, file), "utf8"));

/** Documents in which each block is a command or says why it is none; those without a block only tell. */
const FOLLOWED: readonly string[] = [
  ...readdirSync(join(ROOT, "docs/runbooks")).map((name) => `docs/runbooks/${name}`),
  "docs/security/incident-response.md",
].filter((file) => read(file).some(({ language }) => language !== "other"));

describe.each(FOLLOWED)("%s, followed word by word", (file) => {
  const blocks = read(file).filter(({ language }) => language !== "other");
  const run = blocks.filter(({ notRun }) => notRun === null);
  let terminal: Terminal;
  beforeAll(async () => {
    terminal = new Terminal();
    if (run.some((block) => !block.notes.apart)) await terminal.join(...ENVIRONMENT);
  }, BLOCK_MS);
  afterAll(() => terminal.close(), BLOCK_MS);

  it("says of every block that is not run why", () => {
    for (const { notRun } of blocks) expect(notRun).not.toBe("");
  });
  describe("in order", { shuffle: false }, () => {
    for (const block of run) {
      const absent = Terminal.absent(block);
      const name =
        absent.length === 0 ? titleOf(block) : `${titleOf(block)} (skipped: ${absent.join(", ")} not installed)`;
      it.skipIf(absent.length > 0)(name, { timeout: BLOCK_MS }, async () => {
        const { exitCode, text } = await terminal.follow(block);
        expect(exitCode, text).toBe(0);
      });
    }
  });
});

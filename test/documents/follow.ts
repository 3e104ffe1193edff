/** Follows documents in one terminal and one sandbox, the blocks of each in their order. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { titleOf } from "./blocks.ts";
import { commandBlocks } from "./command-blocks.ts";
import { BLOCK_MS, Terminal } from "./terminal.ts";

const ENVIRONMENT = ["--env", "production"] as const;

/**
 * Tests that do what these documents say; each has a block at least, and each block is run or says why not.
 * @param files what one operator follows one after the other at the same installation
 */
export function followDocuments(files: readonly string[]): void {
  const documents = files.map((file) => ({ file, blocks: commandBlocks(file) }));
  const run = documents.flatMap(({ blocks }) => blocks).filter(({ notRun }) => notRun === null);

  describe(`at one installation: ${files.length} of the documents`, { shuffle: false }, () => {
    let terminal: Terminal;
    beforeAll(async () => {
      terminal = new Terminal();
      if (run.some((block) => !block.notes.apart)) await terminal.join(...ENVIRONMENT);
    }, BLOCK_MS);
    afterAll(() => terminal.close(), BLOCK_MS);

    describe.each(documents)("$file, followed word by word", ({ blocks }) => {
      it("says of every block that is not run why", () => {
        for (const { notRun } of blocks) expect(notRun).not.toBe("");
      });
      describe("in order", { shuffle: false }, () => {
        for (const block of blocks.filter(({ notRun }) => notRun === null)) {
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
  });
}

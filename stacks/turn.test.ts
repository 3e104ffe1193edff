import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeTurn } from "./turn.ts";

const DEAD = 2 ** 22 + 1;
let folder = "";
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "mcpist-turn-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const brisk = { pollMs: 1 };

describe("two checks of one folder", () => {
  it("come one after the other, and the second says that it waits", async () => {
    const said: string[] = [];
    const lock = join(folder, "new/drift.lock");
    (await takeTurn(join(folder, "new"), () => said.push("first"), brisk))();
    expect(existsSync(lock)).toBe(false);
    writeFileSync(lock, `${process.ppid} abc`);
    const second = takeTurn(join(folder, "new"), () => said.push("second"), brisk);
    await expect.poll(() => said).toEqual(["second"]);
    rmSync(lock);
    (await second)();
    expect(said).toEqual(["second"]);
    expect(existsSync(lock)).toBe(false);
  });

  // A container that starts again gives its programs the same ids.
  it.each(["", "nonsense", `${DEAD} abc`, `${process.pid} abc`])(
    "do not wait for one that was killed (%j)",
    async (left) => {
      writeFileSync(join(folder, "drift.lock"), left);
      const waits: string[] = [];
      const giveBack = await takeTurn(folder, () => waits.push("waits"), { pollMs: 1, longestMs: 60_000 });
      giveBack();
      expect(waits).toEqual([]);
    },
  );

  it("do not wait for ever", async () => {
    writeFileSync(join(folder, "drift.lock"), `${process.ppid} abc`);
    await expect(takeTurn(folder, () => undefined, { pollMs: 1, longestMs: 5 })).rejects.toThrow(
      /still works in .*remove/,
    );
  });
});

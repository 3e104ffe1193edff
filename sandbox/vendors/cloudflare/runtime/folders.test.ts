import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runtimeFolder, sweepFolders, within } from "./folders.ts";

/** The highest process id that Linux has is far below this. */
const DEAD = 2 ** 30;
let parent = "";
beforeAll(() => void (parent = mkdtempSync(join(tmpdir(), "mcpist-folders-"))));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

describe("what a sandbox writes", () => {
  it("is in one folder of its process, which goes with the last runtime", () => {
    const [one, two] = [runtimeFolder(), runtimeFolder()];
    expect(basename(one.folder)).toMatch(new RegExp(`^mcpist-run-\\d+-${process.pid}-\\w+$`));
    expect(two.folder).toBe(one.folder);
    one.leave();
    one.leave();
    expect(existsSync(one.folder)).toBe(true);
    two.leave();
    expect(existsSync(one.folder)).toBe(false);
  });

  it("is asked for where a library asks for the folder of temporary files, and by nobody else", () => {
    const before = tmpdir();
    expect(within("/somewhere", () => tmpdir())).toBe("/somewhere");
    expect(() =>
      within("/somewhere", () => {
        throw new Error("x");
      }),
    ).toThrow("x");
    expect(tmpdir()).toBe(before);
  });

  it.skipIf(!existsSync("/proc/self/ns/pid"))("and was killed is removed by the next one, and nothing else is", () => {
    const space = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "";
    const left = [`mcpist-run-${space}-${DEAD}-abc`];
    const kept = [
      `mcpist-run-${space}-${process.pid}-abc`,
      // Of a container, whose processes are not seen from here.
      `mcpist-run-1-${DEAD}-abc`,
      `mcpist-run-${space}-${DEAD}`,
      "miniflare-0123",
    ];
    for (const name of [...left, ...kept]) {
      mkdirSync(join(parent, name));
      writeFileSync(join(parent, name, "db.sqlite"), "x");
    }
    symlinkSync(join(parent, "miniflare-0123"), join(parent, `mcpist-run-${space}-${DEAD}-link`));
    sweepFolders(parent);
    expect(readdirSync(parent).toSorted()).toEqual([...kept, `mcpist-run-${space}-${DEAD}-link`].toSorted());
    expect(existsSync(join(parent, "miniflare-0123/db.sqlite"))).toBe(true);
  });
});

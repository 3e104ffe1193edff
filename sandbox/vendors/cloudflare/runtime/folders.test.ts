import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Version } from "../model.ts";
import { runtimeFolder, sweepFolders, within } from "./folders.ts";
import { Instance } from "./instance.ts";
import { ObjectOwner } from "./objects.ts";

/** The highest process id that Linux has is far below this. */
const DEAD = 2 ** 30;
let parent = "";
beforeAll(() => void (parent = mkdtempSync(join(tmpdir(), "mcpist-folders-"))));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

describe("what a sandbox writes", () => {
  it("is in one folder of its process, which goes with the last runtime", () => {
    const [one, two] = [runtimeFolder(), runtimeFolder()];
    expect(basename(one.folder)).toMatch(new RegExp(`^mcpist-run-(?:[\\da-f]{8}-\\d+|0)-${process.pid}-\\w+$`));
    expect(two.folder).toBe(one.folder);
    one.leave();
    one.leave();
    expect(existsSync(one.folder)).toBe(true);
    two.leave();
    expect(existsSync(one.folder)).toBe(false);
  });

  it("is gone when the process ends, which is told so once and not by every sandbox", () => {
    const before = process.listenerCount("exit");
    for (let i = 0; i < 12; i++) runtimeFolder().leave();
    expect(process.listenerCount("exit") - before).toBeLessThanOrEqual(1);
  });

  it("is left by a runtime whose settings are refused, and by objects that find no place", async () => {
    const { folder, leave } = runtimeFolder();
    const kv = async () => new Response();
    const index = {
      name: "index.js",
      type: "application/javascript+module",
      content: Buffer.from("export default {}"),
    };
    const version: Version = {
      id: "1",
      number: 1,
      createdOn: "2026-06-01T00:00:00Z",
      source: "api",
      annotations: {},
      code: {
        etag: "1",
        mainModule: "index.js",
        serviceWorker: false,
        modules: [index],
        compatibilityDate: "2026-06-01",
        compatibilityFlags: [],
      },
      // Without the limit that it needs.
      bindings: [{ name: "LIMIT", type: "ratelimit" }],
      settings: {},
    };
    const context = { registry: null, onLine: () => undefined };
    await expect(Instance.start(version, { name: "w", objects: null, kv }, context)).rejects.toMatchObject({
      code: 10021,
    });
    rmdirSync(folder);
    await expect(ObjectOwner.create("w", kv, () => undefined)).rejects.toThrow("ENOENT");
    mkdirSync(folder);
    leave();
    expect(existsSync(folder)).toBe(false);
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
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
    const number = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "";
    const space = `${boot}-${number}`;
    const left = [`mcpist-run-${space}-${DEAD}-abc`];
    const kept = [
      `mcpist-run-${space}-${process.pid}-abc`,
      // Of a container, whose processes are not seen from here.
      `mcpist-run-${boot}-1-${DEAD}-abc`,
      // Of another machine, whose namespaces have the same numbers.
      `mcpist-run-${boot === "0123abcd" ? "0123abce" : "0123abcd"}-${number}-${DEAD}-abc`,
      // Of a system that does not say which machine it is.
      `mcpist-run-0-${DEAD}-abc`,
      `mcpist-run-${space}-${DEAD}`,
      "miniflare-0123",
    ];
    for (const name of [...left, ...kept]) {
      mkdirSync(join(parent, name));
      writeFileSync(join(parent, name, "db.sqlite"), "x");
    }
    symlinkSync(join(parent, "miniflare-0123"), join(parent, `mcpist-run-${space}-${DEAD}-link`));
    sweepFolders(parent, null);
    expect(readdirSync(parent)).toEqual(expect.arrayContaining(left));
    sweepFolders(parent);
    expect(readdirSync(parent).toSorted()).toEqual([...kept, `mcpist-run-${space}-${DEAD}-link`].toSorted());
    expect(existsSync(join(parent, "miniflare-0123/db.sqlite"))).toBe(true);
  });
});

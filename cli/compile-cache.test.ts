import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cacheFolder } from "./compile-cache.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "mcpist-home-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("the folder of compiled code", () => {
  it("is the owner's alone, whatever the umask was", () => {
    const before = process.umask(0);
    try {
      const folder = cacheFolder({ HOME: home });
      expect(folder).toBe(join(home, ".cache", "mcpist"));
      expect(statSync(folder ?? "").mode & 0o777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });

  it("is not used where others may write it, or where there is no home", () => {
    mkdirSync(join(home, "mcpist"));
    chmodSync(join(home, "mcpist"), 0o777);
    expect(cacheFolder({ XDG_CACHE_HOME: home })).toBeNull();
    expect(cacheFolder({})).toBeNull();
    expect(cacheFolder({ HOME: join(home, "mcpist", "\0") })).toBeNull();
  });
});

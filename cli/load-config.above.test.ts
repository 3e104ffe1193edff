import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configPath } from "./load-config.ts";

const FILE = "mcpist.config.ts";

/** A tree of folders with these files. */
function tree(...files: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), "mcpist-above-"));
  for (const file of files) {
    mkdirSync(join(root, file, ".."), { recursive: true });
    writeFileSync(join(root, file), "");
  }
  return root;
}

describe("the configuration file", () => {
  it.each([
    ["here before above", [FILE, `a/${FILE}`, ".git/HEAD"], "a", `a/${FILE}`],
    ["in a folder above, within the repository", [FILE, ".git/HEAD", "a/b/x"], "a/b", FILE],
    ["in a folder above, past a package.json of a part", [FILE, ".git/HEAD", "a/package.json"], "a", FILE],
    ["never above the repository: that is somebody else's code", [FILE, "a/.git/HEAD"], "a", `a/${FILE}`],
    ["beside the next package.json where there is no repository", [FILE, "package.json", "a/x"], "a", FILE],
    ["and not above that", [FILE, "a/package.json"], "a", `a/${FILE}`],
  ])("is found %s", (_, files, from, expected) => {
    const root = tree(...files);
    expect(configPath(join(root, from), FILE)).toBe(join(root, expected));
  });

  it("is taken as it is named", () => {
    const root = tree("other.ts", ".git/HEAD", "a/x");
    expect(configPath(join(root, "a"), "other.ts")).toBe(join(root, "a/other.ts"));
  });
});

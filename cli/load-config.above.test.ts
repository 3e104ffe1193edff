import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configPath, loadEnvironment } from "./load-config.ts";
import { testContext } from "./test/test-context.ts";

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

  it("is named where it is not in sight, once, and in what is said of it", async () => {
    const root = tree(".git/HEAD", "a/b/x");
    writeFileSync(join(root, FILE), "export default { environments: { production: {} } };");
    const context = testContext({ cwd: join(root, "a/b") });
    const wrong = (cwd = context) => loadEnvironment(cwd, "production", FILE);
    await expect(wrong()).rejects.toThrow(`../../${FILE}: environments.production.github: `);
    await expect(wrong()).rejects.toThrow(`../../${FILE}: `);
    expect(context.err()).toBe(`note  the configuration is ../../${FILE}\n`);
    const here = testContext({ cwd: root });
    await expect(wrong(here)).rejects.toThrow(/^mcpist\.config\.ts: /);
    expect(here.err()).toBe("");
  });

  it("that is nowhere in the project is said to be nowhere there", async () => {
    const context = testContext({ cwd: join(tree(".git/HEAD", "a/x"), "a") });
    await expect(loadEnvironment(context, "production", FILE)).rejects.toThrow(
      "there is no mcpist.config.ts in this folder, nor above it in this project",
    );
  });
});

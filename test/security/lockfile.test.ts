import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { judgeLockfile } from "./lockfile.ts";

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");

describe("lockfile", () => {
  it("names a SHA-512 and a registry for everything that is installed, on every platform", () => {
    for (const path of ["../../package-lock.json", "../../site/package-lock.json"]) {
      const { entries, findings } = judgeLockfile(read(path));
      expect(findings, path).toEqual([]);
      expect(entries).toBeGreaterThan(100);
    }
  });

  it("is flagged entry by entry when it does not", () => {
    const { entries, findings } = judgeLockfile(read("./known-bad/package-lock.json"));
    expect(entries).toBe(9);
    expect(findings).toEqual([
      "package.json: from-git does not come from a registry",
      "package.json: from-a-short-name does not come from a registry",
      "package.json: from-a-folder does not come from a registry",
      "node_modules/without-hash: has no SHA-512",
      "node_modules/weak-hash: has no SHA-512",
      "node_modules/over-http: is not a tarball over https",
      "node_modules/from-git: is not a tarball over https",
      "node_modules/from-git: has no SHA-512",
      "node_modules/linked: is a link",
      "node_modules/needs-a-url: elsewhere does not come from a registry",
      "node_modules/half: optional half-darwin is not locked",
      "node_modules/bundled: has no SHA-512",
    ]);
  });

  it("is not called judged when it is something else", () => {
    expect(() => judgeLockfile("{}")).toThrow(TypeError);
  });

  it("is the only way in: exact versions, no git, no unlisted install script, seven days of age", () => {
    expect(read("../../.npmrc").trim().split("\n").toSorted()).toEqual([
      "allow-git=none",
      "min-release-age=7",
      "save-exact=true",
      "strict-allow-scripts=true",
    ]);
    const { dependencies, devDependencies } = JSON.parse(read("../../package.json")) as Record<
      string,
      Record<string, string>
    >;
    const ranges = Object.values({ ...dependencies, ...devDependencies });
    expect(ranges.length).toBeGreaterThan(0);
    expect(ranges.filter((range) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))).toEqual([]);
  });
});

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Every file that git tracks or would add, without the lockfile, whose entries are generated. */
const files = (): readonly string[] =>
  execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" })
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(ROOT, path)));

/** In two pieces, so that this file is not what it looks for. */
const TRACES: readonly RegExp[] = [
  ["/work", "/(main|shared)"],
  ["/ho", "me/\\w+/"],
  ["/Us", "ers/\\w+/"],
  ["registry\\.n", "pmjs"],
  ["deb\\.d", "ebian"],
  ["proxy\\.g", "olang"],
  ["static\\.c", "rates"],
  ["files\\.p", "ythonhosted"],
].map(([first = "", second = ""]) => new RegExp(first + second));

describe("house", () => {
  it("runs on Node 24 whatever the machine has", () => {
    expect(process.version).toMatch(/^v24\./);
    const { devDependencies, allowScripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      readonly devDependencies: Readonly<Record<string, string>>;
      readonly allowScripts: Readonly<Record<string, boolean>>;
    };
    expect(process.version).toBe(`v${devDependencies["node"]}`);
    // Without its install script the package has no binary, and scripts would silently run on another Node.
    expect(allowScripts["node"]).toBe(true);
  });

  it("carries no trace of a machine or of a registry's host", () => {
    const found = files().flatMap((path) => {
      const bytes = readFileSync(join(ROOT, path));
      if (bytes.includes(0)) return [];
      const text = bytes.toString("utf8");
      return TRACES.filter((trace) => trace.test(text)).map((trace) => `${path}: ${trace.source}`);
    });
    expect(files().length).toBeGreaterThan(100);
    expect(found).toEqual([]);
  });

  it("would notice one", () => {
    expect(TRACES.some((trace) => trace.test(["https://registry.n", "pmjs.org/"].join("")))).toBe(true);
  });

  it("says why at every place where a rule is switched off", () => {
    const silent = files()
      .filter((path) => path.endsWith(".ts"))
      .flatMap((path) =>
        readFileSync(join(ROOT, path), "utf8")
          .split("\n")
          .flatMap((line, index) =>
            /(oxlint|eslint)-disable|@ts-(ignore|expect-error|nocheck)/.test(line) && !/( -- |@ts-expect-error )\S.{6,}/.test(line)
              ? [`${path}:${index + 1}`]
              : [],
          ),
      )
      .filter((place) => !place.startsWith("test/security/house.test.ts:"));
    expect(silent).toEqual([]);
  });
});

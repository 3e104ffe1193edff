import { describe, expect, it } from "vitest";
import { readTracked, trackedFiles } from "./repository.ts";

const files = trackedFiles();

/** In two pieces, so that this file is not what it looks for. */
const TRACES: readonly RegExp[] = [
  ["/wo", "rk/"],
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
    const { devDependencies, allowScripts } = JSON.parse(readTracked("package.json")) as {
      readonly devDependencies: Readonly<Record<string, string>>;
      readonly allowScripts: Readonly<Record<string, boolean>>;
    };
    expect(process.version).toBe(`v${devDependencies["node"]}`);
    // Without its install script the package has no binary, and scripts would silently run on another Node.
    expect(allowScripts["node"]).toBe(true);
  });

  it("carries no trace of a machine or of a registry's host", () => {
    const found = files.flatMap((path) => {
      const text = readTracked(path);
      return TRACES.filter((trace) => trace.test(text)).map((trace) => `${path}: ${trace.source}`);
    });
    expect(files.length).toBeGreaterThan(100);
    expect(found).toEqual([]);
  });

  it("would notice one", () => {
    expect(TRACES.some((trace) => trace.test(["https://registry.n", "pmjs.org/"].join("")))).toBe(true);
  });

  it("says why at every place where a rule is switched off", () => {
    const silent = files
      // Generated files have no rules to switch off.
      .filter((path) => path.endsWith(".ts") && path !== "worker/bindings.d.ts")
      .flatMap((path) =>
        readTracked(path)
          .split("\n")
          .flatMap((line, index) =>
            /(oxlint|eslint)-disable|@ts-(ignore|expect-error|nocheck)/.test(line) &&
            !/( -- |@ts-expect-error )\S.{6,}/.test(line)
              ? [`${path}:${index + 1}`]
              : [],
          ),
      )
      .filter((place) => !place.startsWith("test/security/house.test.ts:"));
    expect(silent).toEqual([]);
  });
});

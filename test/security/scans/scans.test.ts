import { describe, expect, it } from "vitest";
import { readTracked } from "../repository.ts";
import { PINNED_SCANNERS } from "../pinned-controls.ts";
import { SCANNERS } from "./all.ts";
import { SKIPPED } from "./deployed.ts";
import { LICENCES, listedIn, missingIn, shippedBy } from "./packages.ts";
import { complete, readScanReport } from "./report.ts";
import { ACCEPTED, product, WANTED } from "./source.ts";
import { NEVER_HERE, type Scanner, scanWith } from "./scanner.ts";

const good: Scanner = {
  name: "a scanner",
  absent: () => null,
  version: () => "1.0.0",
  look: () => ({ inspected: 3, findings: [] }),
  bad: () => ({ wanted: ["x", "y"], flagged: ["y", "x", "z"] }),
};
const breaks = (): never => {
  throw new TypeError("with a value that nobody may see");
};

describe("a scanner", () => {
  it.each<[string, Partial<Scanner>, boolean, string, string | null]>([
    ["passes when it is clean and flags what it has to", {}, true, "PASSED", null],
    ["fails by a finding", { look: () => ({ inspected: 3, findings: ["a.ts:1: x"] }) }, true, "FAILED", null],
    [
      "fails when it misses something of its known-bad input",
      { bad: () => ({ wanted: ["x", "y"], flagged: ["x"] }) },
      true,
      "FAILED",
      "does not flag its known-bad input: y",
    ],
    ["fails without a known-bad input", { bad: () => ({ wanted: [], flagged: [] }) }, true, "FAILED", "known-bad"],
    ["fails when it looked at nothing", { look: () => ({ inspected: 0, findings: [] }) }, true, "FAILED", "at nothing"],
    ["fails when it breaks off, and repeats nothing", { look: breaks }, true, "FAILED", "broke off: TypeError"],
    ["is not run on a laptop that lacks it", { absent: () => "x is not installed" }, false, "NOT RUN", "x is not"],
    ["fails on CI that lacks it", { absent: () => "x is not installed" }, true, "FAILED", "x is not installed"],
  ])("%s", async (_, change, required, result, reason) => {
    const scan = await scanWith({ ...good, ...change }, required);
    expect(scan.result).toBe(result);
    if (reason === null) expect(scan.reason).toBeNull();
    else expect(scan.reason).toContain(reason);
  });
});

describe("scanners", () => {
  it("are the ones that are promised, and those that cannot run here say why", () => {
    expect([...SCANNERS, ...NEVER_HERE].map(({ name }) => name)).toEqual(PINNED_SCANNERS);
    expect(new Set(NEVER_HERE.map(({ result }) => result))).toEqual(new Set(["NOT RUN"]));
    for (const { reason } of NEVER_HERE) expect(reason?.length).toBeGreaterThan(20);
  });

  it("have to flag these, accept these, and look everywhere", () => {
    expect(WANTED).toEqual({
      semgrep: [
        "shell",
        "code-from-text",
        "unchecked-certificate",
        "weak-digest",
        "weak-random",
        "comparison-tells-time",
        "whole-environment",
        "sql-from-text",
        "redirect-with-a-secret",
        "symmetric-token",
      ],
      zizmor: ["unpinned-uses", "artipacked", "template-injection", "dangerous-triggers", "excessive-permissions"],
      actionlint: ["job-needs", "expression", "action", "permissions"],
      hadolint: ["DL3007", "DL3003", "DL3008", "DL3004", "DL3025", "DL3002"],
    });
    expect([...ACCEPTED]).toEqual([
      "sandbox/vendors/github/git.ts weak-digest",
      "supabase/migrate/files.ts PartialParsing",
    ]);
    expect([...LICENCES]).toEqual(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD"]);
    expect(SKIPPED).toEqual(["CKV_GIT_1"]);
    const looked = Map.groupBy(product(), (path) => path.split("/")[0] ?? "");
    expect([...looked.keys()].toSorted()).toEqual([
      "cli",
      "contract",
      "origin",
      "sandbox",
      "stacks",
      "supabase",
      "worker",
    ]);
    for (const path of ["worker/index.ts", "origin/http/verify.ts", "cli/redact.ts", "contract/gateway-secret.ts"])
      expect(product()).toContain(path);
    // Made-up values are accepted one by one; a path would be a hole for every value in it.
    expect(readTracked("test/security/scans/gitleaks.toml")).not.toMatch(
      /^\s*(paths|commits|stopwords|disabledRules)\b/m,
    );
  });

  it("that are missing from a report have failed", async () => {
    const scans = [await scanWith(good, true)];
    expect(complete(scans, ["a scanner"])).toEqual(scans);
    expect(complete(scans, ["a scanner", "another"]).at(-1)).toMatchObject({
      name: "another",
      result: "FAILED",
      reason: "is not in the report",
    });
  });

  it("hand over a report that can be read", async () => {
    const report = { tree: "0".repeat(64), scans: [await scanWith(good, true), ...NEVER_HERE] };
    expect(readScanReport(JSON.stringify(report))).toEqual(report);
  });
});

describe("an SBOM", () => {
  it("lacks what the lockfile ships and it does not list, nested parts included", () => {
    const sbom = JSON.stringify({
      components: [
        { group: "@a", name: "b", version: "1.0.0", components: [{ name: "inside", version: "2.0.0" }] },
        { name: "c", version: "3.0.0" },
      ],
    });
    expect(listedIn(sbom)).toEqual(["@a/b@1.0.0", "c@3.0.0", "inside@2.0.0"]);
    expect(missingIn(listedIn(sbom), ["@a/b@1.0.0", "d@4.0.0"])).toEqual(["d@4.0.0"]);
  });

  it("is compared with what is shipped, and development is not", () => {
    const shipped = shippedBy(readTracked("package-lock.json")).map((name) => name.slice(0, name.lastIndexOf("@")));
    expect(shipped).toContain("zod");
    expect(shipped).not.toContain("vitest");
  });
});

import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cliConfig, layOut, mirrored, mirrorPath, WANTED } from "./mirror.ts";

describe("provider mirror", () => {
  it("holds what was built, under the names of both registries", () => {
    const binaries = mkdtempSync(join(tmpdir(), "mcpist-binaries-"));
    const mirror = mkdtempSync(join(tmpdir(), "mcpist-mirror-"));
    writeFileSync(join(binaries, "terraform-provider-koyeb"), "binary");
    expect([...layOut(binaries, mirror)]).toEqual(["koyeb"]);
    expect([...mirrored(mirror)]).toEqual(["koyeb"]);
    const koyeb = WANTED.find(({ type }) => type === "koyeb");
    for (const host of ["registry.terraform.io", "registry.opentofu.org"])
      expect(statSync(join(mirror, host, koyeb ? mirrorPath(koyeb) : "")).mode & 0o111).not.toBe(0);
  });

  it("is the only source that the engine is told of", () => {
    expect(cliConfig("/a b")).toBe('provider_installation {\n  filesystem_mirror {\n    path = "/a b"\n  }\n}\n');
  });
});

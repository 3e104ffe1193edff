import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { PAGES, renewed } from "./phase-pages.ts";

describe("the pages about phases", () => {
  it.each(Object.entries(PAGES))(
    "%s says what the table of phases says (node test/phase-pages.ts)",
    async (path, part) => {
      const page = await readFile(new URL(`../${path}`, import.meta.url), "utf8");
      expect(page).toBe(renewed(page, part()));
    },
  );

  it("show the way of a rotation from one steady phase to the next", () => {
    const diagram = PAGES["docs/rotation.md"]?.() ?? "";
    for (const edge of [
      "STEADY --> STAGED: stage",
      "STAGED --> UPLOADED: upload",
      "UPLOADED --> PROBED: probe",
      "OUTDATED --> UPLOADED: remake",
      "PROBED --> LINGERING: switch",
      "LINGERING --> DRAINED: drain",
      "DRAINED --> RETIRED: retire",
      "RETIRED --> STEADY: prove",
      "STAGED --> STEADY: clear (--clean)",
    ])
      expect(diagram).toContain(edge);
    expect(diagram).toContain("A run stops in UNSET, BLIND, ASTRAY, FORKED, LOST, MISALIGNED, CANARY,");
  });
});

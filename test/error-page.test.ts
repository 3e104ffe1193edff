import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { HINTS } from "../cli/hints/hints.ts";
import { CODES } from "../cli/errors.ts";
import { ERROR_PAGE, errorPageText } from "./error-page.ts";
import { anchorsIn } from "./security/documents.ts";

describe("the page of errors", () => {
  it("says what the registry says (node test/error-page.ts)", async () => {
    expect(await readFile(new URL(`../${ERROR_PAGE}`, import.meta.url), "utf8")).toBe(errorPageText());
  });

  it("has an anchor of its own for every hint and every code", () => {
    const anchors = anchorsIn(errorPageText());
    const wanted = [...Object.keys(HINTS), ...Object.keys(CODES)].map((id) => id.toLowerCase());
    expect(wanted.filter((id) => !anchors.has(id))).toEqual([]);
    // The second heading of a name would get the anchor of the first.
    expect([...anchors].filter((anchor) => /-\d+$/.test(anchor))).toEqual([]);
    expect(new Set(wanted).size).toBe(wanted.length);
  });

  it("shows what is printed, with words in capitals for what is particular", () => {
    const text = errorPageText();
    expect(text).toContain(
      'Do: `bring NAME back, or set its state to "quarantined" in mcpist.config.ts and take it out of the pool on purpose: mcpist origins quarantine NAME`',
    );
    expect(text).toContain("Do: `give one of VERSIONS all traffic (npx wrangler versions deploy VERSIONS@100% --yes)");
    expect(text).toContain("Read: [docs/runbooks/restore.md](runbooks/restore.md)");
    expect(text).not.toMatch(/undefined|\[object|function/);
  });
});

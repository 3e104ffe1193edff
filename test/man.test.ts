import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { commandTree } from "../cli/program.ts";
import { completable } from "../cli/runs/completion.ts";
import { testContext } from "../cli/test/test-context.ts";
import { manPage } from "../package/man.ts";
import { findClient } from "../sandbox/test/client.ts";

/** Bold letters are printed twice. */
const OVERSTRIKE = String.fromCodePoint(8);

describe("the manual page", () => {
  const page = manPage();

  it("has every command with its options and an example", () => {
    const commands = completable(commandTree(testContext())).filter(({ words }) => words.length === 0);
    expect(commands.length).toBeGreaterThan(25);
    const plain = page.replaceAll(String.raw`\-`, "-");
    for (const { path, options } of commands) {
      const [, own = ""] = plain.split(new RegExp(String.raw`^\.SS mcpist ${path}(?: .*)?$`, "m"));
      const section = own.split(/^\.S[SH] /m)[0] ?? "";
      expect(section, path).toContain("Examples:");
      for (const option of options.filter((name) => !/^--(env|config|json|yes|debug|help)$/.test(name)))
        expect(section, path).toMatch(new RegExp(String.raw`^\.B (-\w, )?${option}\b`, "m"));
    }
  });

  const man = findClient("man");
  it.skipIf(man === null)(
    `is read by man without a warning, in 80 columns${man === null ? " (skipped: man not installed)" : ""}`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "mcpist-man-"));
      try {
        writeFileSync(join(folder, "mcpist.1"), page);
        const { stdout, stderr } = await promisify(execFile)(
          man ?? "man",
          ["-l", "--warnings", "-Tutf8", join(folder, "mcpist.1")],
          {
            env: { PATH: process.env["PATH"], MANWIDTH: "80", LC_ALL: "C.UTF-8", TERM: "dumb", GROFF_NO_SGR: "1" },
          },
        );
        expect(stderr).toBe("");
        const lines = stdout
          .split(OVERSTRIKE)
          .map((part, index, parts) => (index < parts.length - 1 ? part.slice(0, -1) : part))
          .join("")
          .split("\n");
        expect(lines.filter((line) => line.length > 82)).toEqual([]);
        expect(lines).toContain("   mcpist secrets rotate");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mcpist own package "));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a configuration in somebody's repository", () => {
  it.each([
    ["without a word about modules", '{ "private": true }\n'],
    ["of CommonJS, with a configuration that says what it is", '{ "type": "commonjs" }\n'],
  ])("is read without a warning of Node's: %s", async (_, manifest) => {
    const file = manifest.includes("commonjs") ? "mcpist.config.mts" : "mcpist.config.ts";
    writeFileSync(join(folder, "package.json"), manifest);
    writeFileSync(
      join(folder, file),
      'import { defineConfig } from "mcpist";\nexport default defineConfig({ environments: {} });\n',
    );
    const main = join(import.meta.dirname, "main.ts");
    const words = [main, "secrets", "status", "--env", "production", "--config", file];
    const ran = await promisify(execFile)(process.execPath, words, { cwd: folder, env: { HOME: folder } }).catch(
      (error: { readonly stderr: string }) => error,
    );
    expect(ran.stderr).toContain(`${file} has no such environment: production; it has: none (ERR_CONFIG)\n`);
    expect(ran.stderr).not.toContain("Warning");
  });

  it("that package.json makes CommonJS is told as that, with the line that mends it, and Node says nothing", async () => {
    const place = mkdtempSync(join(folder, "commonjs "));
    writeFileSync(join(place, "package.json"), '{ "type": "commonjs" }\n');
    const text = 'import { defineConfig } from "mcpist";\nexport default defineConfig({ environments: {} });\n';
    writeFileSync(join(place, "mcpist.config.ts"), text);
    const words = [join(import.meta.dirname, "main.ts"), "secrets", "status", "--env", "production"];
    const ran = await promisify(execFile)(process.execPath, words, { cwd: place, env: { HOME: folder } }).catch(
      (error: { readonly stderr: string }) => error,
    );
    expect(ran.stderr).toMatch(
      /^error: mcpist\.config\.ts is an ES module, and its package\.json says "type": "commonjs" \(ERR_CONFIG\)\nhint: +npm pkg set type=module,/,
    );
  });
});

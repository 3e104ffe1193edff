/** The pages that operators and developers follow, checked against what they describe. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import { describe, expect, it } from "vitest";
import { SECURITY_EVENTS } from "../../../contract/security-event.ts";
import * as schema from "../../database/schema.ts";
import type { Module } from "../../modules/module.ts";
import { createRegistry } from "../../modules/registry.ts";
import type { TestDatabase } from "../database.ts";

const page = (name: string): Promise<string> => readFile(new URL(`../../../docs/${name}`, import.meta.url), "utf8");
const blocks = (text: string, language: string): string[] =>
  Array.from(text.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, "g")), (match) => match[1] ?? "");

export function describeDocuments(database: () => TestDatabase): void {
  describe("documents", () => {
    it("give statements to operators that run as they stand, one after the other", async () => {
      const { admin } = database();
      const tokens = JSON.stringify({ access_token: "a", refresh_token: "r" });
      await admin.query(
        "select mcpist.connect_account('00000000-0000-4000-8000-000000000002', 'github', $1, '{}', null)",
        [tokens],
      );
      for (const name of ["runbooks/database.md", "runbooks/broker.md", "security/logging.md"]) {
        const statements = blocks(await page(name), "sql");
        expect(statements.length).toBeGreaterThan(0);
        for (const statement of statements) await expect(admin.script(statement)).resolves.toBeUndefined();
      }
      await admin.script(`
        delete from mcpist.settings;
        delete from mcpist.tools where tool_id = 'export_all_tokens';
        update mcpist.plans set per_month = -1;
        update mcpist.users set plan_id = 'unlimited' where user_id = '00000000-0000-4000-8000-000000000001';
        insert into mcpist.users (user_id, plan_id) values ('00000000-0000-4000-8000-00000000003c', 'unlimited');
        select mcpist.grant_module('00000000-0000-4000-8000-00000000003c', 'time', 'seed'), mcpist.grant_module('00000000-0000-4000-8000-00000000003c', 'http_status', 'seed');
        delete from mcpist.grants where granted_by = 'ann';`);
    });

    it("list every table and column that is stored", async () => {
      const text = await page("storage.md");
      const tables = Object.values(schema).filter((value) => value instanceof PgTable);
      expect(tables).toHaveLength(13);
      for (const table of tables) {
        const { name, columns } = getTableConfig(table as PgTable);
        const row = text.split("\n").find((line) => line.startsWith(`| \`${name}\` |`));
        expect(row?.split("|")[2]?.match(/\w+/g)).toEqual(columns.map((column) => column.name));
      }
    });

    it("list every event that an origin or the broker records", async () => {
      const text = await page("security/logging.md");
      const files = ["assemble", "calls/call", "http/request", "http/server", "sieve/record-refusals", "limits/usage"];
      const source = (
        await Promise.all(files.map((file) => readFile(new URL(`../../${file}.ts`, import.meta.url), "utf8")))
      ).join("\n");
      const recorded = new Set(Array.from(source.matchAll(/event: "(\w+)", severity/g), (match) => match[1] ?? ""));
      for (const multiline of source.matchAll(/event: "(\w+)",\s+severity/g)) recorded.add(multiline[1] ?? "");
      recorded.delete("internal_error");
      expect(recorded.size).toBeGreaterThanOrEqual(12);
      for (const event of recorded) expect(text).toContain(`| \`${event}\` |`);
    });

    it("translate every event into OWASP's vocabulary, once", async () => {
      const [, table = ""] = /## In OWASP's words\n([^]*?)\n## /.exec(await page("security/logging.md")) ?? [];
      const rows = table.split("\n").filter((line) => /^\| (`|no word)/.test(line));
      const translated = rows.flatMap((row) => row.split("|")[2]?.match(/\w+/g) ?? []);
      expect(translated.toSorted()).toEqual([...SECURITY_EVENTS].toSorted());
    });

    it("show a module that works", async () => {
      const [source = ""] = blocks(await page("adding-a-module.md"), "ts");
      const folder = await mkdtemp(join(tmpdir(), "mcpist-module-"));
      const file = join(folder, "dice.mjs");
      const linked = stripTypeScriptTypes(source)
        .replace('"./module.ts"', JSON.stringify(new URL("../../modules/module.ts", import.meta.url).href))
        .replace('"zod"', JSON.stringify(import.meta.resolve("zod")));
      await writeFile(file, linked);
      const { dice } = (await import(/* @vite-ignore */ file)) as { dice: Module };
      await rm(folder, { recursive: true });
      const tool = createRegistry([dice]).get("dice")?.tools.get("roll");
      expect(tool?.check({ dice: 3 })).toEqual({ ok: true, value: { dice: 3, sides: 6 } });
      expect(await tool?.run({ dice: 3, sides: 6 }, {} as never)).toEqual({
        rolled: [expect.any(Number), expect.any(Number), expect.any(Number)],
      });
    });
  });
}

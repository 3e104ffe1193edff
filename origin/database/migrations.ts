/** What an origin's own database is given beside the schema: development data, and tools of a registry. */
import { readFile } from "node:fs/promises";
import type { Registry } from "../modules/registry.ts";
import type { Database } from "./database.ts";

const SEED = new URL("../../supabase/seed.sql", import.meta.url);

/** Development data: users, grants, one decoy. */
export const readSeed = (): Promise<string> => readFile(SEED, "utf8");

/** Adds tools of the registry that the database does not know yet; they are granted to nobody. @returns how many were added. */
export async function addTools(database: Database, registry: Registry): Promise<number> {
  const names = [...registry.values()].flatMap((module) => [...module.tools.keys()].map((tool) => [module.name, tool]));
  const rows = await database.query(
    `insert into mcpist.tools (module_id, tool_id)
     select x ->> 0, x ->> 1 from json_array_elements($1::json) as x on conflict do nothing returning tool_id`,
    [JSON.stringify(names)],
  );
  return rows.length;
}

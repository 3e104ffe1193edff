/**
 * An empty PostgreSQL for tests. Making one (initdb in WebAssembly) costs four seconds of a processor and loading one less than half a
 * second, so the first test that wants one keeps it beside what the sandbox keeps.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";

const FOLDER = new URL("../../node_modules/.cache/mcpist/", import.meta.url);

/** A database in memory, as initdb leaves it. The caller closes it. */
export async function emptyPglite(): Promise<PGlite> {
  // Its package.json is not exported, but it lies beside the folder of the entry point.
  const manifest = await readFile(new URL("../package.json", import.meta.resolve("@electric-sql/pglite")), "utf8");
  const file = new URL(`empty-${(JSON.parse(manifest) as { version: string }).version}.tar`, FOLDER);
  const kept = await readFile(file).catch(() => null);
  if (kept) return PGlite.create({ loadDataDir: new Blob([kept]) });
  const made = await PGlite.create();
  const dump = await made.dumpDataDir("none");
  // Several workers may make it at the same time; whoever reads sees a whole one.
  const temporary = new URL(randomUUID(), FOLDER);
  await mkdir(FOLDER, { recursive: true });
  await writeFile(temporary, Buffer.from(await dump.arrayBuffer()));
  await rename(temporary, file);
  return made;
}

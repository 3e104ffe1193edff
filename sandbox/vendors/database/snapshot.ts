/**
 * Keeps the freshly migrated database in node_modules/.cache: making one costs seconds of CPU, loading one a fraction. It holds the
 * schema and the seed, which are in the repository anyway, and nothing that ever happened in a sandbox.
 */
import { createHash, randomUUID } from "node:crypto";
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";

const MODULES = new URL("../../../node_modules/", import.meta.url);
const FOLDER = new URL(".cache/mcpist/", MODULES);

export interface SqlFile {
  readonly name: string;
  readonly text: string;
}

/** One name per version of PGlite and content of the SQL. */
async function fileFor(sql: readonly SqlFile[]): Promise<string> {
  // Its package.json is not exported, but it lies beside the folder of the entry point.
  const manifest = await readFile(new URL("../package.json", import.meta.resolve("@electric-sql/pglite")), "utf8");
  const hash = createHash("sha256").update(JSON.stringify([manifest, sql]));
  return `database-${hash.digest("hex").slice(0, 32)}.tar.gz`;
}

/** A database with `sql` run on it in order. @throws when one fails; the message names the file. */
export async function openMigrated(sql: readonly SqlFile[]): Promise<PGlite> {
  const file = await fileFor(sql);
  const kept = await readFile(new URL(file, FOLDER)).catch(() => null);
  if (kept) {
    try {
      return await PGlite.create({ loadDataDir: new Blob([kept]) });
    } catch {
      // A damaged file is made anew below.
    }
  }
  const database = await PGlite.create();
  for (const { name, text } of sql) {
    try {
      await database.exec(text);
    } catch (cause) {
      throw new Error(`${name}: ${cause instanceof Error ? cause.message : "failed"}`, { cause });
    }
  }
  await keep(database, file);
  return database;
}

/** Best effort: a read-only checkout only starts more slowly. */
async function keep(database: PGlite, file: string): Promise<void> {
  try {
    await access(MODULES);
    await mkdir(FOLDER, { recursive: true });
    const dump = await database.dumpDataDir("gzip");
    const temporary = new URL(`${file}.${randomUUID()}`, FOLDER);
    await writeFile(temporary, Buffer.from(await dump.arrayBuffer()));
    await rename(temporary, new URL(file, FOLDER));
    const old = (await readdir(FOLDER)).filter(
      (name) => /^database-[0-9a-f]{32}\.tar\.gz$/.test(name) && name !== file,
    );
    await Promise.all(old.map((name) => rm(new URL(name, FOLDER), { force: true })));
  } catch {
    // See above.
  }
}

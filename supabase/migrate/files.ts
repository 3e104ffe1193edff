/** The migrations as files, in order; and the tools that this version brings. Stands alone: whoever has a connection uses it. */
import { readdir, readFile } from "node:fs/promises";

const MIGRATIONS = new URL("../migrations/", import.meta.url);

/** One migration file. */
export interface Migration {
  /** 14 digits. */
  readonly version: string;
  /** Lower-case words joined by underscores. */
  readonly name: string;
  readonly text: string;
}

/** The migrations in order. @throws {TypeError} on a file name that is not `<14 digits>_<name>.sql`. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const files = (await readdir(MIGRATIONS)).filter((file) => file.endsWith(".sql")).sort();
  return Promise.all(
    files.map(async (file) => {
      const [, version, name] = /^(\d{14})_([a-z_]+)\.sql$/.exec(file) ?? [];
      if (version === undefined || name === undefined) throw new TypeError(`bad migration file name: ${file}`);
      return { version, name, text: await readFile(new URL(file, MIGRATIONS), "utf8") };
    }),
  );
}

/** Tools, each by its module and its name. */
export type ToolNames = readonly (readonly [module: string, tool: string])[];

/** Everything that is built in; a test compares it with the origin's registry. */
export const BUILT_IN_TOOLS: ToolNames = [
  ["github", "search_repositories"],
  ["github", "list_issues"],
  ["github", "get_issue"],
  ["github", "create_issue"],
  ["github", "comment"],
  ["notion", "search"],
  ["notion", "get_page"],
  ["notion", "create_page"],
  ["notion", "append_blocks"],
  ["time", "now"],
  ["time", "convert"],
  ["http_status", "check"],
];

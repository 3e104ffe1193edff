/**
 * Which test files are the inner loop (`npm run test:fast`): those that start nothing. Nobody keeps a list: a file is left out when it, or a
 * module that it reaches through relative imports, loads what starts a process, workerd or a database, so a new test falls on its side by itself.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** Packages that start something. execa is not here: the command line loads it everywhere and starts it only where it deploys. */
const STARTERS = /^(?:miniflare|workerd|esbuild|node:child_process|node:worker_threads|pg|@electric-sql\/.*)$/;
/** Fast by their imports and slow by what they do: every phase, every schedule, every crash at every call. */
const LONG = new Set([
  ...["code", "crash", "joining", "modes", "mutants", "plan", "schedules"].map((name) => `cli/secrets/${name}.test.ts`),
  "test/rotation-model.test.ts",
]);
const SPECIFIER = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)"([^"]+)"/g;
const TYPES = /^(?:import|export) type [^;]*;/gm;

const known = new Map<string, boolean>();

function starts(file: string): boolean {
  const answer = known.get(file);
  if (answer !== undefined) return answer;
  known.set(file, false); // a circle adds nothing
  const text = readFileSync(file, "utf8").replace(TYPES, "");
  const found = [...text.matchAll(SPECIFIER)].some(([, specifier = ""]) => {
    if (!specifier.startsWith(".")) return STARTERS.test(specifier);
    const path = normalize(join(dirname(file), specifier));
    return path.endsWith(".ts") && existsSync(path) && starts(path);
  });
  known.set(file, found);
  return found;
}

/** The files that `patterns` match, sorted. Paths from the repository's root, where this must run. */
export const testFiles = (patterns: readonly string[], exclude: readonly RegExp[]): readonly string[] =>
  globSync([...patterns])
    .filter((file) => !exclude.some((pattern) => pattern.test(file)))
    .toSorted();

/** True for a file of the inner loop. @param file path from the repository's root, where this must run. */
export const isFast = (file: string): boolean => !LONG.has(file) && !starts(file);

const REPLACES = /\bvi\.(?:(?:do)?[mM]ock\(|stubGlobal\(|spyOn\(\s*global(?:This)?\b)/;

/**
 * True for a file that puts a fake in the place of a module or a global: files in the same process would meet it too. A spy on a fake
 * clock's timer even puts the fake one back when it is restored after the clock, and the next file waits for ever.
 */
export const putsFakes = (file: string): boolean => REPLACES.test(readFileSync(file, "utf8"));

/** Collects the documents of the repository and their pictures into .pages/, from which the site is made. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { hostOf } from "../cli/hints/page.ts";
import type { Manifest } from "../cli/version.ts";
import { pageOf, type Page } from "./pages.ts";

/** The repository. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["docs", "bench", "examples"];

/** What an example has installed is no document, and more than everything else: it is not even walked. */
const INSTALLED = new Set(["node_modules", ".venv"]);

const filesIn = (folder: string, name: RegExp): readonly string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return INSTALLED.has(entry.name) ? [] : filesIn(path, name);
    return name.test(entry.name) ? [path] : [];
  });

/** Every document that is a page, in the order of its path. */
export function documents(): readonly string[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  return [...top, ...FOLDERS.flatMap((folder) => filesIn(folder, /\.md$/))].toSorted();
}

/** The pages, read from the documents. @throws {TypeError} for a document without a heading. */
export const readPages = (): readonly Page[] =>
  documents().map((source) => pageOf(source, readFileSync(join(ROOT, source), "utf8")));

/** Writes .pages/ anew. @returns the number of pages. */
export function gather(): number {
  const to = fileURLToPath(new URL(".pages/", import.meta.url));
  rmSync(to, { recursive: true, force: true });
  const pages = readPages();
  const put = (source: string, place: string): void => {
    mkdirSync(dirname(join(to, place)), { recursive: true });
    cpSync(join(ROOT, source), join(to, place));
  };
  for (const { source, place } of pages) put(source, place);
  // A picture is shown in a page, or a page links to it.
  for (const picture of filesIn("docs", /\.(png|svg|cast)$/))
    for (const place of [picture, `public/${picture}`]) put(picture, place);
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;
  writeFileSync(join(to, "pages.json"), JSON.stringify({ pages, host: hostOf(manifest) }));
  return pages.length;
}

/** Reads every file under a folder, names included, and searches both. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import type { Search, Sighting } from "./forms.ts";

/** What lies in a folder. */
export interface Folder {
  readonly files: number;
  readonly sightings: readonly (Sighting & { readonly path: string })[];
}

/** @param root absolute. Links are read as texts, never followed. */
export function readFolder(root: string, search: Search): Folder {
  const sightings: (Sighting & { path: string })[] = [];
  let files = 0;
  const look = (path: string, text: string): void => {
    sightings.push(...search.in(text).map((sighting) => ({ ...sighting, path: relative(root, path) })));
  };
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    files++;
    look(path, Buffer.from(entry.name).toString("latin1"));
    if (entry.isFile()) look(path, readFileSync(path, "latin1"));
    else if (entry.isSymbolicLink()) look(path, readlinkSync(path, "latin1"));
  }
  return { files, sightings };
}

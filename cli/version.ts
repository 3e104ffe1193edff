/** What this tool says of itself, from its own package. Alone in a file, because `--help` needs nothing else. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The parts of a package.json that are asked for. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly repository?: string | { readonly url: string };
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Folder of this tool's package with its manifest; null where it cannot be found. */
export function ownPackage(): { readonly root: string; readonly manifest: Manifest } | null {
  for (const path of ["../", "../../"]) {
    const root = new URL(path, import.meta.url);
    try {
      const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as Manifest;
      if (manifest.name === "mcpist") return { root: fileURLToPath(root), manifest };
    } catch {
      // The other place: the published package has one more folder.
    }
  }
  return null;
}

/** The manifest of this tool; empty where it cannot be found. */
export const ownManifest = (): Manifest => ownPackage()?.manifest ?? {};

/** Version of this tool. */
export const toolVersion = (): string => ownManifest().version ?? "unknown";

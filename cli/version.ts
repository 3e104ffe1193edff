/** What this tool says of itself, from its own package. Alone in a file, because `--help` needs nothing else. */
import { readFileSync } from "node:fs";

/** The parts of a package.json that are asked for. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The manifest of this tool; empty where it cannot be found. */
export function ownManifest(): Manifest {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as Manifest;
      if (manifest.name === "mcpist") return manifest;
    } catch {
      // The other place: the published package has one more folder.
    }
  }
  return {};
}

/** Version of this tool. */
export const toolVersion = (): string => ownManifest().version ?? "unknown";

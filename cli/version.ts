/** Version of this tool, read from its own package. Alone in a file, because `--help` needs nothing else. */
import { readFileSync } from "node:fs";

/** Version of this tool. */
export function toolVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as {
        name: string;
        version: string;
      };
      if (name === "mcpist") return version;
    } catch {
      // the other place: the published package has one more folder
    }
  }
  return "unknown";
}

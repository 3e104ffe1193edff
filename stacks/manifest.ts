/** What the last synthesis wrote. Folders of earlier ones may still lie beside it; the manifest does not name them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "../contract/json.ts";

/** Name of the file that lists the stacks of a synthesis. */
export const MANIFEST = "manifest.json";

/** One synthesized stack. */
export interface SynthesizedStack {
  readonly name: string;
  /** Where an engine runs. */
  readonly folder: string;
  /** Its configuration. */
  readonly file: string;
}

/** Stacks of the last synthesis; none when there was none. */
export function synthesizedStacks(outdir: string): readonly SynthesizedStack[] {
  const manifest = join(outdir, MANIFEST);
  if (!existsSync(manifest)) return [];
  const parsed: unknown = JSON.parse(readFileSync(manifest, "utf8"));
  const stacks = isRecord(parsed) && isRecord(parsed["stacks"]) ? Object.entries(parsed["stacks"]) : [];
  return stacks.flatMap(([name, stack]) =>
    isRecord(stack)
      ? [
          {
            name,
            folder: join(outdir, String(stack["workingDirectory"])),
            file: join(outdir, String(stack["synthesizedStackPath"])),
          },
        ]
      : [],
  );
}

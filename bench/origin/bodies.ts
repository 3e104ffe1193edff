/**
 * What hostile bodies do to the memory of an instance: the largest that an origin accepts, in the shapes that cost most, one, two and
 * sixteen at a time, on an instance that has served ordinary calls before. Nothing is asserted.
 */
import { load } from "./load.ts";
import { call, type Make, startOrigin } from "./servers.ts";
import { peakMemory } from "./throttle.ts";

const WARM_UP = 500;
const REQUESTS = 64;
const LARGEST = 4 * 1024 * 1024 - 1024;
const fill = (unit: string): string => unit.repeat(Math.floor(LARGEST / unit.length));
/** By name: a JSON value of almost the largest size. */
const SHAPES: Readonly<Record<string, string>> = {
  "small objects": `[${fill("{},").slice(0, -1)}]`,
  "one text": `"${fill("a")}"`,
  "escaped text": `"${fill("\\u3042")}"`,
  "many texts": `[${fill(`"${"b".repeat(400)}",`).slice(0, -1)}]`,
};

/** One row of the report. Unit: megabytes; `busy` = answers that were not 200, of all. */
export interface BodyRow {
  readonly shape: string;
  readonly atOnce: number;
  readonly peakMb: number;
  readonly busy: string;
}

/** Measures every shape on an instance of its own. */
export async function measureBodies(bundle: string, database: string): Promise<readonly BodyRow[]> {
  const rows: BodyRow[] = [];
  const ordinary = call("time", "now");
  for (const [shape, value] of Object.entries(SHAPES)) {
    const body = ordinary(0).body.replace('"params":{}', () => `"params":{"x":${value}}`);
    const hostile: Make = (n) => ({ ...ordinary(n), body });
    const { child, port } = await startOrigin(bundle, database);
    await load(port, 16, WARM_UP, ordinary);
    for (const atOnce of [1, 2, 16]) {
      // A refused upload may end in a reset; what is measured is the instance.
      const run = await load(port, atOnce, REQUESTS, hostile).catch(() => null);
      const busy = run ? `${run.failed} of ${run.requests}` : "reset";
      rows.push({ shape, atOnce, peakMb: Math.round(peakMemory(child.pid ?? 0) / 2 ** 20), busy });
    }
    child.kill("SIGKILL");
  }
  return rows;
}

/**
 * Records a real run of the demo: docs/pictures/demo.cast (asciicast 2, for any player) and the same as docs/pictures/demo.svg.
 *
 *   node site/record.ts          runs the demo and writes both
 *   node site/record.ts --draw   draws the picture again from the recording
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "./gather.ts";
import { type Line, readCast, recordingPicture, writeCast } from "./recording.ts";

/** The recording. */
export const CAST = "docs/pictures/demo.cast";
/** The picture of it. */
export const PICTURE = "docs/pictures/demo.svg";
const COMMAND = "npm run demo";

/** Runs the demo as a person who redirects it does. @throws when it does not work. */
async function record(): Promise<readonly Line[]> {
  const env = { ...process.env, NO_COLOR: "1" };
  const demo = spawn(process.execPath, ["cli/main.ts", "demo"], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  const started = performance.now();
  const lines: Line[] = [{ at: 0, text: `$ ${COMMAND}` }];
  for (const stream of [demo.stdout, demo.stderr])
    createInterface(stream).on("line", (text) => {
      process.stdout.write(`${text}\n`);
      lines.push({ at: (performance.now() - started) / 1000, text });
    });
  const code = await new Promise((resolve) => demo.once("close", resolve));
  if (code !== 0) throw new Error(`the demo ended with ${String(code)}`);
  return lines;
}

if (import.meta.main) {
  mkdirSync(join(ROOT, "docs/pictures"), { recursive: true });
  if (!process.argv.includes("--draw")) writeFileSync(join(ROOT, CAST), writeCast(await record()));
  writeFileSync(join(ROOT, PICTURE), recordingPicture(readCast(readFileSync(join(ROOT, CAST), "utf8"))));
}

/** The hint of a deploy that failed, followed with the CDKTF command line itself. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { desk, FLAGS, type } from "../test/follow.ts";

/** An application without a stack: enough for a plan of nothing. */
const EMPTY = `const { mkdirSync, writeFileSync } = require("node:fs");
mkdirSync("cdktf.out", { recursive: true });
writeFileSync("cdktf.out/manifest.json", JSON.stringify({ version: "0.21.0", stacks: {} }));
`;

it("leads out: readAbove", async () => {
  const place = desk({ env: { PATH: process.env["PATH"], HOME: process.env["HOME"], CHECKPOINT_DISABLE: "1" } });
  const write = (name: string, text: string): void => writeFileSync(join(place.folder, name), text);
  write("package.json", "{}");
  write(
    "cdktf.json",
    JSON.stringify({ language: "typescript", app: "node app.cjs", projectId: "1", sendCrashReports: "false" }),
  );
  write("app.cjs", "process.exit(1);\n");
  const words = ["deploy", "--base", "--dry-run", ...FLAGS];
  const said = await type(place, words);
  expect(said).toMatchObject({ code: 1, hint: "it says above why; running the same command again is safe" });
  write("app.cjs", EMPTY);
  expect(await type(place, words)).toMatchObject({ code: 0, hint: null });
}, 60_000);

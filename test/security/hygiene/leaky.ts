/**
 * Deliberately wrong: takes a value on stdin and lets it be seen in the one way that its argument names. The harness must find it
 * in exactly that channel; if it does not, its silence about the product means nothing.
 */
import { spawn, type SpawnOptions, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import type { LOOK } from "./watch.ts";

const value = (await text(process.stdin)).trim();
const home = process.env["HOME"] ?? "";
const tmp = process.env["TMPDIR"] ?? "";

/** Until the harness has looked at every process; for how long that takes, the machine decides. */
async function untilSeen(): Promise<void> {
  const seen = once(process, "message");
  process.send?.("look" satisfies typeof LOOK);
  await seen;
}

/** A program that runs until it was seen. */
async function nap(args: readonly string[], options: SpawnOptions = {}): Promise<void> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)", ...args], {
    stdio: "ignore",
    ...options,
  });
  const ended = once(child, "exit");
  await once(child, "spawn");
  await untilSeen();
  child.kill();
  await ended;
}

const WAYS: Readonly<Record<string, () => unknown>> = {
  nothing: () => writeFileSync(`${tmp}/harmless`, "nothing to see"),
  argv: () => nap([value]),
  environ: () => nap([], { env: { VALUE: value } }),
  "argv of a program that ends at once": () => spawnSync("/bin/true", [value]),
  "environ of a program that ends at once": () => spawnSync("/bin/true", [], { env: { VALUE: value } }),
  "argv in base64": () => nap([Buffer.from(`x${value}`).toString("base64")]),
  "its own title": async () => {
    process.title = value;
    await untilSeen();
  },
  stdout: () => process.stdout.write(`the value is ${value}\n`),
  "stderr in an error": () => {
    process.stderr.write(
      `${new Error("failed", { cause: new Error(JSON.stringify({ value })) }).stack ?? ""}\n${value.toUpperCase()}\n`,
    );
  },
  "a file in HOME": () => writeFileSync(`${home}/.leak`, value),
  "a hidden folder in TMPDIR": () => {
    mkdirSync(`${tmp}/.cache/deep`, { recursive: true });
    writeFileSync(`${tmp}/.cache/deep/log`, Buffer.concat([Buffer.from([0, 255, 3]), Buffer.from(value, "hex")]));
  },
  "a file's name": () => writeFileSync(`${tmp}/${value}`, ""),
  "a link's target": () => symlinkSync(`/nowhere/${value}`, `${tmp}/link`),
  "a file in the working directory": () =>
    writeFileSync("plan.json", JSON.stringify({ value: Buffer.from(Buffer.from(value).toReversed()).toString() })),
  "a file that is deleted again": () => {
    writeFileSync(`${tmp}/passing`, value);
    rmSync(`${tmp}/passing`);
  },
  "bytes in a file that is deleted again": () => {
    writeFileSync(`${tmp}/passing`, Buffer.from(value, "hex"));
    rmSync(`${tmp}/passing`);
  },
};

const way = process.argv[2] ?? "";
if (!Object.hasOwn(WAYS, way)) throw new TypeError(`there is no such way: ${Object.keys(WAYS).join(", ")}`);
await WAYS[way]?.();

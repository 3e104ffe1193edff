/** The token broker's Edge Function under Deno, as Supabase runs it. For tests. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const BROKER_FUNCTION = "supabase/functions/token-broker/index.ts";
/** Where the function says that it listens. */
export const LISTENING = /http:\/\/127\.0\.0\.1:\d+\//;

/** Deno beside the other tools or in PATH; undefined where there is none. */
export const deno = [join(ROOT, "node_modules/.bin"), ...(process.env["PATH"] ?? "").split(delimiter)]
  .map((folder) => join(folder, "deno"))
  .find((file) => existsSync(file));

/** A function that was started, and all that it has written. */
export interface BrokerProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly output: { text: string };
}

/** Starts the function on a free port of loopback with `environment`; it may connect to `hosts`. Whoever starts it ends it. */
export function startBroker(
  program: string,
  environment: Readonly<Record<string, string>>,
  hosts: string,
): BrokerProcess {
  const flags = [
    "--no-prompt",
    "--no-remote",
    "--node-modules-dir=manual",
    "--allow-env",
    `--allow-net=${hosts}`,
    "--allow-read",
  ];
  const child = spawn(program, ["run", ...flags, "--allow-sys", BROKER_FUNCTION], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      DENO_NO_UPDATE_CHECK: "1",
      DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output.text += String(chunk)));
  return { child, output };
}

/** Drives the command line of the MCP Inspector: its own sign-in, a list, a call. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { Task } from "../task.ts";
import { browse, freePort, messageOf, runSteps, toolCall } from "./steps.ts";

const task = JSON.parse(await text(process.stdin)) as Task;
/** Its own default is one port for all; two runs side by side need their own. */
const CALLBACK = `http://127.0.0.1:${await freePort()}/oauth/callback`;
const PROGRAM = join(task.folder, "node_modules/.bin/mcp-inspector");
/** The tokens of this run in its own folder: there is no keyring here. */
const STORE = { MCP_INSPECTOR_SECRET_STORE: "file" };

interface Result {
  readonly tools?: readonly { readonly name: string }[];
  readonly structuredContent?: unknown;
}

/** Runs it; the address that it wants opened is opened by the person. @throws with its own words. */
async function inspect(args: readonly string[]): Promise<Result> {
  const flags = [
    "--cli",
    "--server-url",
    task.url,
    "--transport",
    "http",
    "--protocol-era",
    task.era,
    "--format",
    "json",
  ];
  const child = spawn(process.execPath, [PROGRAM, ...flags, ...args], {
    env: {
      PATH: "/usr/bin:/bin",
      HOME: task.home,
      NO_COLOR: "1",
      MCP_AUTO_OPEN_ENABLED: "true",
      MCP_OAUTH_CALLBACK_URL: CALLBACK,
      ...STORE,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  createInterface(child.stderr).on("line", (line) => {
    log += `${line} `;
    const [address] = /https?:\/\/\S+\/oauth\/authorize\?[^\s"]+/.exec(line) ?? [];
    if (address === undefined) return;
    browse(address, task.person).catch((error: unknown) => {
      log += `${messageOf(error)} `;
    });
  });
  const out = await text(child.stdout);
  const { result } = (out.startsWith("{") ? JSON.parse(out) : {}) as { readonly result?: Result };
  if (!result) throw new Error(`the Inspector said: ${log.slice(-400)} ${out.slice(0, 200)}`);
  return result;
}
const list = async (...flags: readonly string[]) => {
  const { tools = [] } = await inspect(["--method", "tools/list", ...flags]);
  return tools.map(({ name }) => name).join(" ");
};

/** With the token that the sign-in left behind. */
const STORED = "--stored-auth-only";
const call = async () => {
  const { name, arguments: args } = toolCall(task, "time", "now", {});
  const what = ["--method", "tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(args)];
  const { structuredContent } = await inspect([...what, STORED]);
  if (structuredContent === undefined) throw new Error("the call had no structured result");
};

await runSteps(task, {
  signIn: () => list(),
  list: async () => {
    const names = await list(STORED);
    await call();
    return names;
  },
});

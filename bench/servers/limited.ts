/**
 * An instance of 256 MB with one small server of one's own in it, under load: `node bench/servers/limited.ts [--calls N]`. The
 * bundled origin with the image's flags and its child are in one memory control group, as in a container; database and load are outside.
 * Needs root and control groups that can be written; says whether the limit was in force. Prints JSON; asserts nothing.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { load } from "../origin/load.ts";
import { call, environmentOf, FLAGS, portOf, SEEDED, startDatabase } from "../origin/servers.ts";

const { values } = parseArgs({
  options: { calls: { type: "string", default: "5000" } },
});
const CALLS = Number(values.calls);
const LIMIT = 256 * 1024 * 1024;
const CONNECTIONS = 16;
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const MB = 2 ** 20;

/** A group with the limit; null where this machine does not let us. */
function makeGroup(name: string): {
  readonly join: string;
  readonly peak: () => number;
  readonly kills: () => number;
  remove(): void;
} | null {
  const unified = existsSync("/sys/fs/cgroup/cgroup.controllers");
  const folder = join("/sys/fs/cgroup", ...(unified ? [] : ["memory"]), `mcpist-bench-${process.pid}-${name}`);
  const read = (file: string): string => readFileSync(join(folder, file), "utf8");
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, unified ? "memory.max" : "memory.limit_in_bytes"), String(LIMIT));
    return {
      join: join(folder, "cgroup.procs"),
      peak: () => Number(read(unified ? "memory.peak" : "memory.max_usage_in_bytes")),
      kills: () => Number(/^oom_kill (\d+)/m.exec(read(unified ? "memory.events" : "memory.oom_control"))?.[1] ?? 0),
      remove: () => rmdirSync(folder),
    };
  } catch {
    return null;
  }
}

/** What runs in the group is told so before it becomes the program. */
const inside = (file: string | undefined, command: readonly string[]): readonly [string, string[]] =>
  file === undefined
    ? [command[0] ?? "", command.slice(1)]
    : ["sh", ["-c", 'echo $$ > "$0"; exec "$@"', file, ...command]];

const memoryOf = (pid: number) => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const megabytes = (name: string) =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 1024);
  return { rssMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM") };
};
const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);

// A group that lets through what is far above its limit is none.
const proof = makeGroup("proof");
const greed = "const a = []; for (let i = 0; i < 50; i++) a.push(Buffer.alloc(1e7, 1))";
const [eater, eaterArgs] = inside(proof?.join, [process.execPath, "-e", greed]);
const isEnforced = proof !== null && spawnSync(eater, eaterArgs).status !== 0;
proof?.remove();
const group = makeGroup("instance");

const folder = mkdtempSync(join(tmpdir(), "mcpist-bench-"));
const bundle = join(folder, "origin.mjs");
execFileSync(process.execPath, [here("../../origin/build.ts"), bundle]);
const databaseUrl = await startDatabase();
const servers = {
  tiny: {
    command: [process.execPath, here("many.ts"), "1"],
    trusted: true,
    tools: { tool_0: { readOnly: true } },
  },
};
const [file, args] = inside(group?.join, [process.execPath, ...FLAGS, bundle]);
const origin = spawn(file, args, {
  stdio: ["ignore", "pipe", "inherit"],
  env: environmentOf(databaseUrl, { servers }),
});
const port = await portOf(origin.stdout);

const owner = new pg.Client({ connectionString: databaseUrl });
await owner.connect();
for (;;) {
  const { rows } = await owner.query<{ pin: string }>("select pin from mcpist.tool_sightings where tool_id = 'tool_0'");
  if (rows[0]) {
    await owner.query("select mcpist.approve_tool('tiny', 'tool_0', $1, 'bench')", [rows[0].pin]);
    break;
  }
  await sleep(200);
}
await owner.query(`insert into mcpist.grants (user_id, module_id, tool_id, granted_by)
  select user_id, 'tiny', 'tool_0', 'bench' from mcpist.users on conflict do nothing`);
await owner.end();

const make = call("tiny", "tool_0", { users: SEEDED }, { text: "hello" });
const { headers, body } = make(0);
const answer = await (await fetch(`http://127.0.0.1:${port}/mcp`, { method: "POST", headers, body })).text();
if (!answer.includes('"hello"')) throw new Error(`the tool is not called: ${answer.slice(0, 200)}`);
const pid = origin.pid ?? 0;
const idle = memoryOf(pid);
await load(port, CONNECTIONS, 500, make);
const run = await load(port, CONNECTIONS, CALLS, make);
const [child] = childrenOf(pid);
const result = {
  limitMb: LIMIT / MB,
  enforced: isEnforced,
  calls: run.requests,
  notAnswered: run.failed,
  p50Ms: Number(run.p50Ms.toFixed(2)),
  p99Ms: Number(run.p99Ms.toFixed(1)),
  originIdleMb: idle.rssMb,
  origin: memoryOf(pid),
  child: child === undefined ? null : memoryOf(child),
  groupPeakMb: group === null ? null : Math.round(group.peak() / MB),
  killed: group === null ? null : group.kills(),
};
process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
const gone = once(origin, "exit");
origin.kill("SIGTERM");
await gone;
await sleep(500);
try {
  group?.remove();
} catch {
  // Something of it still ends.
}
rmSync(folder, { recursive: true });
// The database's socket server has no end of its own while a client lingers.
process.exit(0);

/**
 * How many users at 120 calls a minute one small instance serves: `node bench/capacity.ts [--cores 0.1,0.25] [--seconds 10]`. The bundled
 * origin, with the flags of its image, gets part of a core; users call on their own clocks, whether or not answers come. A number
 * of users is served when no call fails and 99 of 100 are answered within a second of their time. Prints; asserts nothing.
 */
import { execFileSync } from "node:child_process";
import { once as event } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { once } from "./origin/load.ts";
import { call, startDatabase, startOrigin } from "./origin/servers.ts";
import { peakMemory, throttle } from "./origin/throttle.ts";

const { values: options } = parseArgs({
  options: { cores: { type: "string", default: "0.1,0.25,0.5" }, seconds: { type: "string", default: "10" } },
});
const SECONDS = Number(options.seconds);
/** 120 calls a minute. Unit: milliseconds. */
const INTERVAL = 500;
const ANSWERED_IN = 1000;
const MOST = 2000;
const MIB = 2 ** 20;
const make = call("time", "now", { users: MOST });

interface Window {
  readonly served: boolean;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

/** `users` who each call every half second, at a phase of their own. Latency counts from the time that a call was due. */
async function window(port: number, users: number): Promise<Window> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const times: number[] = [];
  let failed = 0;
  const started = performance.now();
  const one = async (user: number): Promise<void> => {
    const phase = (user / users) * INTERVAL;
    const calls: Promise<void>[] = [];
    for (let n = 0; n * INTERVAL < SECONDS * 1000; n++) {
      const due = phase + n * INTERVAL;
      await sleep(Math.max(0, started + due - performance.now()));
      calls.push(
        once(port, agent, make(user)).then(
          ({ ok }) => (ok ? void times.push(performance.now() - started - due) : void failed++),
          () => void failed++,
        ),
      );
    }
    await Promise.all(calls);
  };
  await Promise.all(Array.from({ length: users }, (_, user) => one(user)));
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  const seen = { served: failed === 0 && at(0.99) <= ANSWERED_IN, p50: at(0.5), p99: at(0.99), failed };
  if (process.stderr.isTTY) process.stderr.write(`${users} users: p99 ${seen.p99.toFixed(0)} ms, ${failed} failed\n`);
  return seen;
}

/** The largest number of users that is served, to within a tenth. */
async function search(port: number): Promise<{ readonly users: number; readonly window: Window } | null> {
  let best: { readonly users: number; readonly window: Window } | null = null;
  let [low, high] = [0, MOST];
  for (let users = 8; users <= MOST; users *= 2) {
    const seen = await window(port, users);
    if (!seen.served) {
      high = users;
      break;
    }
    best = { users, window: seen };
    low = users;
  }
  while (high - low > Math.max(1, low / 10)) {
    // A pile of unanswered calls must not weigh on the next try.
    await sleep(2000);
    const users = Math.round((low + high) / 2);
    const seen = await window(port, users);
    if (seen.served) [low, best] = [users, { users, window: seen }];
    else high = users;
  }
  return best;
}

const folder = mkdtempSync(join(tmpdir(), "mcpist-bench-"));
const bundle = join(folder, "origin.mjs");
execFileSync(process.execPath, [fileURLToPath(new URL("../origin/build.ts", import.meta.url)), bundle]);
const database = await startDatabase({ users: MOST });
process.stdout.write(
  `${cpus()[0]?.model ?? "unknown"}, Node ${process.version}; windows of ${SECONDS} s, 120 calls/min per user\n\n`,
);
process.stdout.write(
  "| part of a core | users at once | calls/s | p50 ms | p99 ms | largest RSS MB |\n|---|---|---|---|---|---|\n",
);
for (const cores of options.cores.split(",").map(Number)) {
  const { child, port } = await startOrigin(bundle, database);
  const pid = child.pid ?? 0;
  // Loading takes a slow instance long, but not longer for more users: the processor is taken away afterwards.
  await window(port, 16);
  const held = throttle(pid, cores);
  if (held) {
    await window(port, 4);
    const best = await search(port);
    const cells = best
      ? [best.users, best.users * 2, best.window.p50.toFixed(0), best.window.p99.toFixed(0)]
      : ["fewer than 8", "", "", ""];
    process.stdout.write(`| ${cores} | ${cells.join(" | ")} | ${(peakMemory(pid) / MIB).toFixed(0)} |\n`);
  } else process.stdout.write(`| ${cores} | NOT RUN: control groups cannot be written here | | | | |\n`);
  child.kill("SIGKILL");
  await event(child, "exit");
  held?.remove();
}
rmSync(folder, { recursive: true });
process.exit(0);

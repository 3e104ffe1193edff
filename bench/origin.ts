/**
 * What the origin costs: `node bench/origin.ts [--json] [--rounds N] [--calls N] [--refusals N]`. CPU time and latency per call against a bare server of the same SDK in the same run,
 * memory under load, memory of the limiter, and whether refusals can be told apart by time. Nothing here is asserted; CPU time is the
 * figure to trust on a machine that does other things too.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureBodies } from "./origin/bodies.ts";
import { load, median } from "./origin/load.ts";
import { REFUSALS_SQL, refusalTimes } from "./origin/refusals.ts";
import { call, type Make, type Measured, SEEDED, startBare, startDatabase, startOrigin } from "./origin/servers.ts";
import { measureStages } from "./origin/stages.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    /** Calls per round and server over many connections; a third as many over one. */
    calls: { type: "string", default: "3000" },
    refusals: { type: "string", default: "20000" },
  },
});
const ROUNDS = Number(options.rounds);
const CONCURRENT = Number(options.calls);
const SEQUENTIAL = Math.ceil(CONCURRENT / 3);
const REFUSALS = Number(options.refusals);
/** Users of the plan with 120 calls a minute; each calls once to warm up. */
const LIMITED = 1_500;
const CONNECTIONS = 16;
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** One side of one round. Units: microseconds of CPU per call, milliseconds, calls per second. */
async function round({ port, usage }: Measured, make: Make) {
  const before = await usage();
  const one = await load(port, 1, SEQUENTIAL, make);
  const many = await load(port, CONNECTIONS, CONCURRENT, make);
  const after = await usage();
  return {
    cpuMicros: (after.cpuMicros - before.cpuMicros) / (SEQUENTIAL + CONCURRENT),
    p50Ms: one.p50Ms,
    rps: many.requests / (many.wallMs / 1000),
    p99Ms: many.p99Ms,
    failed: one.failed + many.failed,
    rss: after.rss,
  };
}
type Round = Awaited<ReturnType<typeof round>>;
const middle = (rounds: readonly Round[]) => ({
  cpuMicros: Math.round(median(rounds.map((one) => one.cpuMicros))),
  p50Ms: Number(median(rounds.map((one) => one.p50Ms)).toFixed(3)),
  rps: Math.round(median(rounds.map((one) => one.rps))),
  p99Ms: Number(median(rounds.map((one) => one.p99Ms)).toFixed(1)),
  failed: rounds.reduce((sum, one) => sum + one.failed, 0),
  rssMb: Math.round(Math.max(...rounds.map((one) => one.rss)) / 2 ** 20),
});

const folder = mkdtempSync(join(tmpdir(), "mcpist-bench-"));
const bundle = join(folder, "origin.mjs");
execFileSync(process.execPath, [here("../origin/build.ts"), bundle]);
const database = await startDatabase({ users: SEEDED + LIMITED, plan: "pro", sql: REFUSALS_SQL });
const [bare, lean, full] = [await startBare(false), await startBare(true), await startOrigin(bundle, database)];
const idle = Math.round((await full.usage()).rss / 2 ** 20);
// Users with a limit, and so many that none reaches it.
const make = call("time", "now", { users: LIMITED, skip: SEEDED });
for (const { port } of [bare, lean, full]) await load(port, CONNECTIONS, LIMITED, make);
const rounds = { bare: [] as Round[], lean: [] as Round[], full: [] as Round[] };
for (let i = 0; i < ROUNDS; i++) {
  rounds.bare.push(await round(bare, make));
  rounds.lean.push(await round(lean, make));
  rounds.full.push(await round(full, make));
}
const sides = { bare: middle(rounds.bare), lean: middle(rounds.lean), full: middle(rounds.full) };
const ratioTo = (side: typeof sides.bare) => ({
  cpu: Number((sides.full.cpuMicros / side.cpuMicros).toFixed(3)),
  p50: Number((sides.full.p50Ms / side.p50Ms).toFixed(3)),
  rps: Number((sides.full.rps / side.rps).toFixed(3)),
});
const native = await startOrigin(bundle, database, "native");
const timing = {
  meta: await refusalTimes(full.port, REFUSALS),
  native: await refusalTimes(native.port, REFUSALS, "native"),
};
const limiter = [5, 120].map(
  (calls) =>
    JSON.parse(
      execFileSync(process.execPath, ["--expose-gc", here("origin/limiter.ts"), String(calls)], { encoding: "utf8" }),
    ) as unknown,
);
const rssMb = Math.round((await full.usage()).rss / 2 ** 20);
for (const { child } of [bare, lean, full, native]) child.kill("SIGTERM");
const bodies = await measureBodies(bundle, database);
rmSync(folder, { recursive: true });

const perCore = Math.floor(1e6 / sides.full.cpuMicros);
const result = {
  machine: { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, node: process.version },
  rounds: ROUNDS,
  sides,
  ratio: { toBare: ratioTo(sides.bare), toLean: ratioTo(sides.lean) },
  memory: { idleMb: idle, afterMb: rssMb },
  limiter,
  bodies,
  stages: measureStages(),
  refusals: { calls: REFUSALS, auc: timing },
  capacity: { callsPerSecondPerCore: perCore, usersAt120PerMinutePerCore: Math.floor(perCore / 2) },
};
if (options.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
else {
  const row = (name: string, side: typeof sides.bare): string =>
    `| ${name} | ${side.cpuMicros} | ${side.p50Ms} | ${side.rps} | ${side.p99Ms} | ${side.rssMb} | ${side.failed} |`;
  const ratioRow = (name: string, { cpu, p50, rps }: ReturnType<typeof ratioTo>): string =>
    `| ${name} | ${cpu} | ${p50} | ${rps} | | | |`;
  process.stdout.write(
    `${[
      `${result.machine.cpu}, ${result.machine.cores} cores, Node ${result.machine.node}; ${ROUNDS} interleaved rounds, medians`,
      "",
      "| server | CPU µs/call | p50 ms, 1 conn | calls/s, 16 conn | p99 ms, 16 conn | RSS MB, largest | failed |",
      "|---|---|---|---|---|---|---|",
      row("bare SDK server", sides.bare),
      row("the same, parsing and converting once", sides.lean),
      row("origin", sides.full),
      ratioRow("origin / bare", result.ratio.toBare),
      ratioRow("origin / the same work", result.ratio.toLean),
      "",
      `checks, µs of CPU each: ${JSON.stringify(result.stages)}`,
      `memory of the origin: ${idle} MB idle, ${rssMb} MB after the run`,
      `limiter, 100 000 users: ${JSON.stringify(limiter)}`,
      "",
      "| bodies of 4 MiB | at once | largest RSS MB | not answered with 200 |",
      "|---|---|---|---|",
      ...bodies.map(({ shape, atOnce, peakMb, busy }) => `| ${shape} | ${atOnce} | ${peakMb} | ${busy} |`),
      "",
      `refusals, ${REFUSALS} interleaved calls and as many schemas or pages, against a name that does not exist, AUC (0.5 = cannot be told apart): ${JSON.stringify(timing)}`,
      `one core serves ${perCore} calls/s = ${result.capacity.usersAt120PerMinutePerCore} users at 120 calls/min (computed from the CPU time above)`,
    ].join("\n")}\n`,
  );
}
// The database's socket server has no end of its own while a client lingers.
process.exit(0);

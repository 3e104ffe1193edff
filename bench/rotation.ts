/**
 * Wall time of a rotation in the sandbox: 2 and 10 origins against the script that people use today (the same platform calls one after
 * another, rollouts waited for, nothing verified, nothing drained), then 12 and 50 Machines and 50 origins against 2. Also the tool's
 * own share (wall time minus the time in which it waited for a platform, a rollout or the drain), its calls to GitHub, and memory.
 * Against the script each instance is a process; the others are light, so that it is not measured how many processes this machine can
 * start at once.
 *
 *   node bench/rotation.ts                       all sizes
 *   SIZES=2x2p,10x2p node bench/rotation.ts      origins x Machines of the first origin at Fly.io; p = with processes, and the script
 */
import type { Context } from "../cli/context.ts";
import { startLightCloud, type LightCloud } from "../test/light-cloud.ts";

const SIZES = (process.env["SIZES"] ?? "2x2p,10x2p,2x2,2x12,2x50,50x2").split(",").map((text) => {
  const [origins = 2, machines = 2] = text.split("x").map((part) => Number.parseInt(part, 10));
  return { origins, machines, light: !text.endsWith("p") };
});
const say = (text: string) => process.stdout.write(`${text}\n`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const free = async (): Promise<void> => undefined;

/** Time in which at least one wait was under way. Unit: milliseconds. */
class Waiting {
  total = 0;
  #open = 0;
  #since = 0;
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#open++ === 0) this.#since = performance.now();
    try {
      return await work();
    } finally {
      if (--this.#open === 0) this.total += performance.now() - this.#since;
    }
  }
}

/** The script of today: one platform after another, each rollout waited for, then straight to the Worker. No drain, no proof. */
async function naive(cloud: LightCloud): Promise<number> {
  const { targets } = await cloud.session();
  const value = cloud.context.randomBytes(32).toString("hex");
  const started = performance.now();
  await targets.vault.write({ b: value }, free);
  const stores = new Set<string>();
  for (const origin of targets.origins) {
    // One organisation's secret is written once.
    if (!stores.has(origin.store)) await origin.write({ b: value }, free);
    stores.add(origin.store);
    await origin.roll("rolling", free);
  }
  const id = await targets.worker.upload(value, { kid: "0".repeat(16), from: null, run: "naive" }, free);
  await targets.worker.deploy([{ versionId: id, percentage: 100 }], "naive", free);
  return performance.now() - started;
}

async function measure(cloud: LightCloud): Promise<{ readonly wall: number; readonly text: string }> {
  const { fetch, sleep } = cloud.context;
  const waiting = new Waiting();
  const change: Partial<Context> = {
    fetch: (input, init) => waiting.during(() => fetch(input, init)),
    sleep: (ms) => waiting.during(() => sleep(ms)),
  };
  const callsBefore = cloud.githubCalls();
  const started = performance.now();
  const { ended, progress } = await cloud.rotate({}, change);
  const wall = performance.now() - started;
  if (ended.failure) throw ended.failure;
  const spent = (step: string) =>
    progress.steps.filter(({ name }) => name.startsWith(step)).reduce((sum, { durationMs }) => sum + durationMs, 0);
  const wrangler = spent("upload the Worker version");
  const own = wall - waiting.total - wrangler;
  return {
    wall,
    text:
      `${seconds(wall)} (drain ${seconds(spent("drain"))}, wrangler ${seconds(wrangler)}, own share ${((100 * own) / wall).toFixed(1)} %), ` +
      `${cloud.githubCalls() - callsBefore} calls to GitHub, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB with the sandbox`,
  };
}

let two: number | null = null;
for (const size of SIZES) {
  const cloud = await startLightCloud(size);
  try {
    const script = size.light ? null : await naive(cloud);
    // Back to a state that a rotation may start from.
    const repaired = script === null ? null : await cloud.rotate();
    if (repaired?.ended.failure) throw repaired.ended.failure;
    const { wall, text } = await measure(cloud);
    if (size.light && size.origins === 2 && size.machines === 2) two = wall;
    const against = [
      ...(script === null ? [] : [`${(wall / script).toFixed(2)} of the script's ${seconds(script)}`]),
      ...(two === null || two === wall || !size.light
        ? []
        : [`${(wall / two).toFixed(2)} of 2 origins with 2 Machines`]),
    ];
    say([`${size.origins} origins, ${size.machines} Machines: ${text}`, ...against].join("; "));
  } finally {
    await cloud.close();
  }
}
process.exit();

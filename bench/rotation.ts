/**
 * Wall time of a rotation in the sandbox, with 2, 10 and more origins, against the script that people use today: the same
 * platform calls one after another, rollouts waited for, nothing verified, nothing drained. Same run, same rollout times.
 * Also the tool's own share: wall time minus the time in which it waited for a platform, a rollout or the drain.
 *
 *   node bench/rotation.ts            2 and 10 origins
 *   ORIGINS=2,10,50 node bench/rotation.ts
 */
import { parseConfig, type Environment } from "../contract/config.ts";
import { SANDBOX_ENVIRONMENT, SANDBOX_VARIABLE, sandboxEnvironment } from "../contract/sandbox.ts";
import { realContext, type Context } from "../cli/context.ts";
import { Progress } from "../cli/output.ts";
import { rotate } from "../cli/secrets/rotate.ts";
import { Journal } from "../cli/secrets/journal.ts";
import { Run } from "../cli/secrets/run.ts";
import { cloudflareApi, cloudflareWorker } from "../cli/targets/cloudflare.ts";
import { flyApi, flyOrigin } from "../cli/targets/fly.ts";
import { githubApi, githubStore, githubVault } from "../cli/targets/github.ts";
import { koyebApi, koyebOrigin } from "../cli/targets/koyeb.ts";
import type { Targets } from "../cli/targets/types.ts";
import { provisionBase, provisionService } from "../sandbox/provision.ts";
import { startSandbox, type Sandbox } from "../sandbox/start.ts";

const SIZES = (process.env["ORIGINS"] ?? "2,10").split(",").map(Number);
const say = (text: string) => process.stdout.write(`${text}\n`);

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

async function environmentOf(sandbox: Sandbox, count: number): Promise<Environment> {
  const base = sandboxEnvironment(sandbox.urls);
  const extra = await Promise.all(
    Array.from({ length: count - 2 }, async (_, i) =>
      i % 2 === 0
        ? {
            name: `koyeb-${i}`,
            kind: "koyeb" as const,
            app: `bench-${i}`,
            service: "origin",
            url: await sandbox.koyeb.edgeUrl(`bench-${i}`, "origin"),
          }
        : {
            name: `fly-${i}`,
            kind: "fly" as const,
            app: `bench-${i}`,
            machines: 1,
            url: await sandbox.fly.edgeUrl(`bench-${i}`),
          },
    ),
  );
  const parsed = parseConfig({
    environments: { [SANDBOX_ENVIRONMENT]: { ...base, origins: [...base.origins, ...extra] } },
  });
  const environment = parsed.ok ? parsed.value.environments[SANDBOX_ENVIRONMENT] : undefined;
  if (!environment) throw new TypeError("the bench environment does not parse");
  return environment;
}

function connect(context: Context, sandbox: Sandbox, environment: Environment) {
  const { tokens } = sandbox.context;
  const github = githubApi(context, { baseUrl: sandbox.urls.github, token: tokens.github });
  const cloudflareAccess = { baseUrl: sandbox.urls.cloudflare, token: tokens.cloudflare };
  const koyeb = koyebApi(context, { baseUrl: sandbox.urls.koyeb, token: tokens.koyeb });
  const fly = flyApi(context, { baseUrl: sandbox.urls.fly, token: tokens.fly });
  const targets: Targets = {
    worker: cloudflareWorker(context, cloudflareApi(context, cloudflareAccess), environment, cloudflareAccess),
    origins: environment.origins.map((origin) =>
      origin.kind === "koyeb"
        ? koyebOrigin(context, koyeb, SANDBOX_ENVIRONMENT, environment, origin)
        : flyOrigin(context, fly, environment, origin),
    ),
    vault: githubVault(context, github, environment.github),
  };
  const store = githubStore(github, SANDBOX_ENVIRONMENT, environment.github);
  return { targets, store };
}

const free = async (): Promise<void> => undefined;

for (const count of SIZES) {
  const sandbox = await startSandbox({ log: () => undefined, control: false });
  try {
    const environment = await environmentOf(sandbox, count);
    const real = realContext();
    const waiting = new Waiting();
    const context: Context = {
      ...real,
      env: { PATH: process.env["PATH"], [SANDBOX_VARIABLE]: sandbox.env[SANDBOX_VARIABLE] },
      fetch: (input, init) => waiting.during(() => real.fetch(input, init)),
      sleep: (ms) => waiting.during(() => real.sleep(ms)),
    };
    await provisionBase(sandbox, environment);
    const newRun = async (init: boolean) => {
      const { targets, store } = connect(context, sandbox, environment);
      const journal = new Journal(store, context, {
        run: context.randomBytes(6).toString("hex"),
        actor: "bench",
        workflow: "local",
        tool: "bench",
      });
      const progress = new Progress({ ...context, stderr: { write: () => true } }, { json: true });
      const run = new Run({ context, targets, journal, store, drain: environment.drain, report: progress });
      await journal.acquire();
      await rotate(run, init ? "init" : "rotate");
      await journal.release({ result: "done" });
      return progress;
    };
    await newRun(true);
    await provisionService(sandbox, environment);

    // The script of today: one platform after another, each rollout waited for, then straight to the Worker. No drain, no proof.
    const { targets } = connect(context, sandbox, environment);
    const value = real.randomBytes(32).toString("hex");
    const naiveStarted = performance.now();
    await targets.vault.write({ b: value }, free);
    for (const origin of targets.origins) {
      await origin.write({ b: value }, free);
      await origin.roll("rolling", free);
    }
    const id = await targets.worker.upload(value, { kid: "0".repeat(16), from: null, run: "naive" }, free);
    await targets.worker.deploy([{ versionId: id, percentage: 100 }], "naive", free);
    const naive = performance.now() - naiveStarted;
    // Back to a state that a rotation may start from.
    await newRun(false).catch(() => undefined);

    waiting.total = 0;
    const calls = () => sandbox.context.faults.calls.filter(({ vendor }) => vendor === "github").length;
    const callsBefore = calls();
    const started = performance.now();
    const progress = await newRun(false);
    const wall = performance.now() - started;
    const toGithub = calls() - callsBefore;
    const drain = progress.steps
      .filter((step) => step.name.startsWith("drain"))
      .reduce((sum, step) => sum + step.durationMs, 0);
    const wrangler = progress.steps
      .filter((step) => step.name.startsWith("upload"))
      .reduce((sum, step) => sum + step.durationMs, 0);
    const own = wall - waiting.total - wrangler;
    say(
      `${count} origins: mcpist ${(wall / 1000).toFixed(1)} s (drain ${(drain / 1000).toFixed(1)} s, wrangler ${(wrangler / 1000).toFixed(1)} s, own share ${((100 * own) / wall).toFixed(1)} %), ` +
        `naive script ${(naive / 1000).toFixed(1)} s, ratio ${(wall / naive).toFixed(2)}, ${toGithub} calls to GitHub, ` +
        `${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB with the sandbox`,
    );
  } finally {
    await sandbox.close();
  }
}
process.exit();

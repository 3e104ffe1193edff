/**
 * The rotation against real processes under live traffic: killed at random moments, started twice, with a failing platform,
 * lagging edges, sleeping and suspended instances. Prints what it counted; exits 1 unless every promise held.
 *
 *   node test/live.ts            4 kills and every special round (about five minutes on two cores)
 *   KILLS=20 SEED=7 node test/live.ts
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { SANDBOX_ENVIRONMENT } from "../contract/sandbox.ts";
import { realContext } from "../cli/context.ts";
import { deployService, startLocalCloud, type LocalCloud } from "../cli/local/local-cloud.ts";
import { Progress } from "../cli/output.ts";
import { rotate } from "../cli/secrets/rotate.ts";
import { openSession } from "../cli/session.ts";
import { seededRandom } from "../cli/test/fake-cloud.ts";
import { startTraffic, type Traffic } from "../sandbox/load/traffic.ts";

const KILLS = Number(process.env["KILLS"] ?? 4);
const SEED = Number(process.env["SEED"] ?? Date.now() % 100_000);
const flags = { config: "mcpist.config.ts", json: true, yes: true, debug: false };
const say = (text: string) => process.stdout.write(`${text}\n`);

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
}
let nextRun = 1000;

/** One process life of the command line, as a workflow would run it: its run id can be proven dead. */
function command(
  cloud: LocalCloud,
  args: readonly string[],
): { child: ChildProcess; workflow: number; done: Promise<Finished> } {
  const workflow = nextRun++;
  cloud.sandbox.github.setRun(workflow, "in_progress", null);
  const child = spawn(process.execPath, ["cli/main.ts", ...args, "--env", SANDBOX_ENVIRONMENT, "--json", "--yes"], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "",
      ...cloud.sandbox.env,
      GITHUB_RUN_ID: String(workflow),
    },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let stdout = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  const done = once(child, "exit").then(([code]) => {
    cloud.sandbox.github.setRun(workflow, "completed", code === 0 ? "success" : "failure");
    return { code: code as number | null, stdout };
  });
  return { child, workflow, done };
}

/** Resolves at the first call of a platform that is asked for. */
function called(cloud: LocalCloud, wanted: (call: { vendor: string; method: string; path: string }) => boolean) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = cloud.sandbox.faults.onCall((call) => {
    if (!wanted(call)) return;
    stop();
    resolve();
  });
  return promise;
}

/** Run id of whoever holds the lock, by the journal's newest entry. */
async function holder(cloud: LocalCloud): Promise<string | null> {
  const { code, stdout } = await command(cloud, ["secrets", "history", "--limit", "1"]).done;
  if (code !== 0) return null;
  const [entry] = (JSON.parse(stdout) as { entries: readonly { run: string; leaseSeconds: number }[] }).entries;
  return entry && entry.leaseSeconds > 0 ? entry.run : null;
}

/** Runs again until it is done, taking over dead holders. @returns how many lives it took. */
async function converge(cloud: LocalCloud, args: readonly string[] = ["secrets", "rotate"]): Promise<number> {
  for (let life = 1; life <= 4; life++) {
    const dead = await holder(cloud);
    const { code, stdout } = await command(cloud, dead === null ? args : [...args, "--steal-lock", dead]).done;
    if (code === 0) return life;
    say(
      `      life ${life} ended ${code}: ${(JSON.parse(stdout || "{}") as { error?: { message?: string } }).error?.message ?? ""}`,
    );
  }
  throw new Error("the re-runs did not converge");
}

async function verify(cloud: LocalCloud): Promise<void> {
  const { code, stdout } = await command(cloud, ["secrets", "verify"]).done;
  if (code !== 0) throw new Error(`verify says ${code}: ${stdout.slice(0, 2000)}`);
}

const counts = { kills: 0, rounds: 0, converged: 0, reruns: 0, sent: 0, failed: 0 };
let failedRounds = 0;

/** One round under traffic of its own, so that a failure is shown where it happened. */
async function round(name: string, work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  counts.rounds++;
  const traffic = await startLoad();
  let problem: string | null = null;
  try {
    await sleep(1000);
    await work();
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const { sent, failed: notAnswered, slow, failures } = await traffic.stop();
  // What this machine was too slow for is not the rotation's.
  const failed = notAnswered - slow;
  if (slow > 0) say(`note  ${name}: ${slow} requests were too much for this machine`);
  counts.sent += sent;
  counts.failed += failed;
  if (problem !== null || failed > 0) failedRounds++;
  say(
    `${problem === null && failed === 0 ? "ok  " : "FAIL"}  ${name}: ${sent} requests, ${failed} failed, ${((performance.now() - started) / 1000).toFixed(0)} s`,
  );
  if (problem !== null) say(`      ${problem}`);
  for (const failure of failures.slice(0, 5))
    say(`      at ${failure.atMs} ms: ${failure.kind} ${failure.status} ${failure.reason}`);
}

const random = seededRandom(SEED);
say(`seed ${SEED}, ${KILLS} kills`);
const context = realContext();
const startLoad = (): Promise<Traffic> =>
  startTraffic({
    gatewayUrl: cloud.sandbox.urls.gateway,
    mint: (options) => cloud.sandbox.idp.mint(options),
    users: 48,
    ratePerSecond: 100,
  });
const cloud = await startLocalCloud({ ...context, stderr: { write: () => true } }, flags, {});
try {
  await deployService(cloud, new Progress({ ...context, stderr: { write: () => true } }, { json: true }));
  const { sandbox } = cloud;
  const usual = sandbox.context.timings;

  for (let i = 0; i < KILLS; i++) {
    const after = 500 + Math.floor(random() * 30_000);
    await round(`killed ${after} ms after its start, then run again`, async () => {
      const first = command(cloud, ["secrets", "rotate"]);
      const ended = await Promise.race([first.done, sleep(after).then(() => null)]);
      if (ended === null) {
        first.child.kill("SIGKILL");
        counts.kills++;
        await first.done;
      }
      counts.reruns += await converge(cloud);
      await verify(cloud);
      counts.converged++;
    });
  }

  await round("two at once: one rotates, the other is refused", async () => {
    // Nothing is written without the lock.
    const holds = called(
      cloud,
      ({ vendor, method, path }) => vendor === "github" && method === "PUT" && path.includes("/secrets/"),
    );
    const first = command(cloud, ["secrets", "rotate"]);
    await Promise.race([holds, first.done]);
    const second = await command(cloud, ["secrets", "rotate"]).done;
    const refused = JSON.parse(second.stdout) as { error?: { code?: string } };
    if (second.code !== 3 || refused.error?.code !== "ERR_LOCKED")
      throw new Error(`the second ended ${second.code} ${refused.error?.code ?? ""}`);
    if ((await first.done).code !== 0) throw new Error("the first did not finish");
    await verify(cloud);
    counts.converged++;
  });

  await round("Koyeb's API answers 503, then is back", async () => {
    const rule = sandbox.faults.add({ vendor: "koyeb", effect: { kind: "status", when: "before", status: 503 } });
    const { code } = await command(cloud, ["secrets", "rotate"]).done;
    if (code === 0) throw new Error("it claimed success without Koyeb");
    sandbox.faults.remove(rule);
    counts.reruns += await converge(cloud);
    await verify(cloud);
    counts.converged++;
  });

  await round("edges that lag by three seconds, slow rollouts", async () => {
    sandbox.context.timings = { ...usual, edgeLagMs: 3000, koyebDrainMs: 2500, flyBootMs: 1200 };
    counts.reruns += await converge(cloud);
    sandbox.context.timings = usual;
    await verify(cloud);
    counts.converged++;
  });

  for (const scenario of ["suspended", "asleep-light"]) {
    await round(`scenario ${scenario} before the rotation`, async () => {
      const url = `${sandbox.urls.control}/scenarios/${scenario}`;
      const started = await fetch(url, { method: "POST", headers: { "content-type": "application/json" } });
      if (!started.ok) throw new Error(`the scenario did not start: ${started.status} ${await started.text()}`);
      counts.reruns += await converge(cloud);
      await fetch(url, { method: "DELETE" });
      await verify(cloud);
      counts.converged++;
    });
  }

  await round("killed while it drains, then stepped back without a value", async () => {
    const live = sandbox.github.reveal("GATEWAY_SECRET_A", cloud.environment.github.environment);
    const drains = called(cloud, ({ vendor, path }) => vendor === "github" && path.includes("/variables/"));
    const first = command(cloud, ["secrets", "rotate"]);
    await Promise.race([drains, first.done]);
    first.child.kill("SIGKILL");
    counts.kills++;
    await first.done;
    counts.reruns += await converge(cloud, ["secrets", "rollback"]);
    await verify(cloud);
    if (
      live !== undefined &&
      !live.startsWith("revoked:") &&
      sandbox.github.reveal("GATEWAY_SECRET_A", cloud.environment.github.environment) !== live
    ) {
      throw new Error("the step back did not keep the old secret");
    }
    counts.converged++;
  });

  // Control: the same rotation without a drain must fail under the same load, or the load proves nothing.
  sandbox.context.timings = { ...usual, edgeLagMs: 4000, koyebDrainMs: 0 };
  const control = await startLoad();
  const session = await openSession(cloud.inside, cloud.flags);
  const run = session.run(new Progress({ ...context, stderr: { write: () => true } }, { json: true }));
  Object.defineProperty(run, "drain", { value: { minAge: 0, quiet: 0, max: 60_000 } });
  await session.journal.acquire();
  await rotate(run, "rotate").catch(() => undefined);
  await session.journal.release({ result: "control" });
  const undrained = await control.stop();
  say(
    `${undrained.failed > 0 ? "ok  " : "FAIL"}  control without a drain: ${undrained.sent} requests, ${undrained.failed} failed (must fail)`,
  );
  if (undrained.failed === 0) failedRounds++;

  say("");
  say(
    `rounds ${counts.rounds}, kills ${counts.kills}, lives of re-runs ${counts.reruns}, converged ${counts.converged}`,
  );
  say(`requests sent ${counts.sent}, requests failed ${counts.failed}, seed ${SEED}`);
  process.exitCode = failedRounds === 0 ? 0 : 1;
} finally {
  await cloud.sandbox.close();
}
process.exit();

/**
 * What an emergency costs in the sandbox: requests that fail at 20 a second in the first 30 s from the start of the command, and the
 * time until the leaked secret is dead at each origin, from the start of the command, too. With the lock free, and held by a run that
 * was killed in the middle of its work. Numbers, never asserted.
 *
 *   node bench/emergency.ts               both modes, three rounds each
 *   ROUNDS=1 MODES=now node bench/emergency.ts
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { SANDBOX_ENVIRONMENT } from "../contract/sandbox.ts";
import { deployService, startLocalCloud, type LocalCloud } from "../cli/local/local-cloud.ts";
import { realContext } from "../cli/context.ts";
import { Progress } from "../cli/output.ts";
import { startTraffic } from "../sandbox/load/traffic.ts";

const MODES = (process.env["MODES"] ?? "fast,now").split(",");
const ROUNDS = Number(process.env["ROUNDS"] ?? 3);
const PER_SECOND = 20;
/** Unit: milliseconds. */
const WINDOW_MS = 30_000;
const flags = { config: "mcpist.config.ts", json: true, yes: true, debug: false };
const say = (text: string) => process.stdout.write(`${text}\n`);

function command(cloud: LocalCloud, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ["cli/main.ts", "secrets", "rotate", "--env", SANDBOX_ENVIRONMENT, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...cloud.sandbox.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** A run that holds the lock and is killed while it rolls out. */
async function dieHoldingTheLock(cloud: LocalCloud): Promise<void> {
  const child = command(cloud, ["--json"]);
  const rolling = new Promise<void>((resolve) => {
    const stop = cloud.sandbox.faults.onCall(({ vendor, path }) => {
      if (vendor !== "koyeb" || !path.endsWith("/redeploy")) return;
      stop();
      resolve();
    });
  });
  await Promise.race([rolling, once(child, "exit")]);
  child.kill("SIGKILL");
}

/** One for the whole process: each takes its signals. */
const context = { ...realContext(), stderr: { write: () => true } };

interface Measured {
  readonly sent: number;
  readonly failed: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Unit: seconds, by origin. */
  readonly dead: Readonly<Record<string, number>>;
  readonly exitCode: number | null;
}

async function measure(mode: string, held: boolean): Promise<Measured> {
  const cloud = await startLocalCloud(context, flags, {});
  try {
    await deployService(cloud, new Progress(context, { json: true }));
    const { sandbox } = cloud;
    if (held) await dieHoldingTheLock(cloud);
    const traffic = await startTraffic({
      gatewayUrl: sandbox.urls.gateway,
      mint: (options) => sandbox.idp.mint(options),
      users: 16,
      ratePerSecond: PER_SECOND,
    });
    await sleep(2000);
    const child = command(cloud, ["--emergency", mode, "--yes"]);
    const dead: Record<string, number> = {};
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      for (const [, name = "", seconds] of chunk.toString().matchAll(/(\S+) DEAD after (\d+) s/g))
        dead[name] ??= Number(seconds);
    });
    const exit = once(child, "exit");
    await sleep(WINDOW_MS);
    const { sent, failed, failures } = await traffic.stop();
    const statuses: Record<string, number> = {};
    for (const { status, kind } of failures) {
      const key = status === 0 ? kind : String(status);
      statuses[key] = (statuses[key] ?? 0) + 1;
    }
    const [exitCode] = (await exit) as [number | null];
    if (exitCode !== 0) say(said);
    return { sent, failed, statuses, dead, exitCode };
  } finally {
    await cloud.sandbox.close();
  }
}

for (const mode of MODES)
  for (const held of [false, true]) {
    let [sent, failed] = [0, 0];
    for (let round = 0; round < ROUNDS; round++) {
      const measured = await measure(mode, held);
      sent += measured.sent;
      failed += measured.failed;
      const dead = Object.entries(measured.dead).map(([name, seconds]) => `${name} ${seconds} s`);
      say(
        `  ${mode}, lock ${held ? "held by a dead run" : "free"}: ${measured.failed} of ${measured.sent} failed ` +
          `${JSON.stringify(measured.statuses)}, dead after ${dead.join(", ")}, exit ${measured.exitCode}`,
      );
    }
    say(
      `${mode}, lock ${held ? "held by a dead run" : "free"}: ${((100 * failed) / sent).toFixed(2)} % of ${sent} failed`,
    );
  }
process.exit();

/** `mcpist demo`: a local cloud, live traffic through the real gateway, one rotation under it, and the proof. */
import { access, constants, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { mcpist, page, quoted } from "../hints/hint.ts";
import { printError, printJson, Progress, styles, printProse } from "../output.ts";
import { reported } from "../reporter.ts";
import { openSession, type CommonFlags } from "../session.ts";
import { loadFor, startLoad } from "./traffic-load.ts";
import { deployService, rehearsedBy, startLocalCloud } from "./local-cloud.ts";
import { askOrigins, heldSecret, type Statuses } from "./proof.ts";
import { runRotation, type RotationReport } from "../runs/rotation.ts";
import { loneOrigin, verdictOf, type Proof, type Verdict } from "./verdict.ts";

/** Flags of the command. */
export interface DemoFlags extends CommonFlags {
  readonly html?: string | undefined;
  readonly users: number;
  readonly rate?: number | undefined;
  readonly ownDrain: boolean;
}

/** Traffic before and after the rotation, so that both sides of it are seen. Unit: milliseconds. */
const WARM_UP_MS = 2000;
const COOL_DOWN_MS = 1500;

/** The command. */
export async function runDemo(context: Context, flags: DemoFlags): Promise<ExitCode> {
  const started = context.monotonic();
  const html = flags.html === undefined ? null : resolve(context.cwd, flags.html);
  // A minute of work is not lost for a name that was mistyped.
  if (html !== null) await access(dirname(html), constants.W_OK);
  const rehearses = await rehearsedBy(context, flags);
  const load = loadFor(rehearses?.environment.limits, flags);
  const { users, ratePerSecond } = load;
  const progress = new Progress(context, flags);
  const step = <T>(name: string, work: () => Promise<T>) => reported(progress, context.signal, name, work);

  const cloud = await step("start a local cloud: four platforms, sign-in, Postgres", () =>
    startLocalCloud(context, flags, { rehearses, ownDrain: flags.ownDrain, control: flags.html !== undefined }),
  );
  try {
    await deployService(cloud, progress);
    const { sandbox, inside } = cloud;
    const before = heldSecret(cloud, "a");
    const { startTimeline, watchedOf } = await import("../../sandbox/watch/timeline.ts");
    const traffic = await startLoad(cloud, load, progress);
    const timeline =
      flags.html === undefined ? null : startTimeline(sandbox, { environment: watchedOf(sandbox.accounts), traffic });
    if (timeline) progress.onStep((name) => timeline.step(name));
    try {
      await step(`send ${ratePerSecond} requests/s from ${users} users through the gateway`, () =>
        context.sleep(WARM_UP_MS),
      );
      const { report: rotation, ended } = await runRotation(
        inside,
        await openSession(inside, cloud.flags),
        { ...cloud.flags, init: false, clean: false, dryRun: false },
        progress,
      );
      await context.sleep(COOL_DOWN_MS);
      const report = await traffic.stop();
      const after = heldSecret(cloud, rotation.to?.slot === "a" ? "a" : "b");
      const proof = {
        oldSecret: await askOrigins(cloud, before),
        newSecret: await askOrigins(cloud, after),
        noSecret: await askOrigins(cloud, undefined),
      };
      const recording = await timeline?.stop();
      await progress.end();
      if (recording && html !== null) {
        const { renderPage, rotationTiles } = await import("../../sandbox/watch/page-markup.ts");
        const page = renderPage(recording, {
          title: "A rotation under live traffic",
          subtitle: `The gateway secret was replaced at the Worker, Koyeb, Fly.io and GitHub while ${users} users sent ${ratePerSecond} requests a second.`,
          tiles: rotationTiles(report, proof),
        });
        await writeFile(html, page);
      }
      const verdict = verdictOf(rotation.ok, proof, report, ratePerSecond, loneOrigin(cloud.environment.origins));
      const { ok } = verdict;
      const exitCode: ExitCode = ok ? EXIT.done : EXIT.failed;
      const { sent, failed, slow, byStatus, byOrigin, p50Ms, p99Ms, failures } = report;
      const result = {
        command: "demo",
        environment: cloud.name,
        ok,
        verdict: verdict.kind,
        exitCode,
        durationMs: Math.round(context.monotonic() - started),
        traffic: {
          sent,
          failed,
          slow,
          byStatus,
          byOrigin,
          p50Ms,
          p99Ms,
          users,
          ratePerSecond,
          lowestRatePerSecond: report.ratePerSecond,
          failures: failures.slice(0, 10),
        },
        proof,
        rotation,
      };
      if (flags.json) printJson(context, result);
      else printDemo(context, result, verdict, flags);
      if (ended.failure && !flags.json) printError(context, ended.failure, flags.debug);
      return exitCode;
    } finally {
      await timeline?.stop();
      await traffic.stop();
    }
  } finally {
    await progress.end();
    await cloud.sandbox.close();
  }
}

interface DemoResult {
  readonly durationMs: number;
  readonly traffic: {
    readonly sent: number;
    readonly failed: number;
    readonly users: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly failures: readonly { kind: string; status: number; reason: string }[];
  };
  readonly proof: Proof;
  readonly rotation: RotationReport;
}

function printDemo(context: Context, result: DemoResult, verdict: Verdict, { html, env }: DemoFlags): void {
  const style = styles(context, context.stdout);
  const { traffic, proof, rotation } = result;
  const list = (statuses: Statuses) =>
    Object.entries(statuses)
      .map(([origin, status]) => `${origin} ${status}`)
      .join(", ");
  const [sentence, ...more] = verdict.lines;
  const tone = { worked: "green", slow: "yellow", "requests-failed": "red", failed: "red" } as const;
  const instances = rotation.targets
    .map((target) => `${target.name} ${target.accepted}/${target.instances}`)
    .join(", ");
  const own = env === undefined ? "" : ` --env ${quoted(env)}`;
  const lines = [
    "",
    style(tone[verdict.kind], sentence),
    ...more,
    "One rotation of the gateway secret under live traffic, all on this machine.",
    "",
    `  rotation    ${rotation.from?.kid ?? "?"} -> ${rotation.to?.kid ?? "?"} in ${(rotation.durationMs / 1000).toFixed(1)} s`,
    `  accepted    by ${instances} (instances)`,
    `  traffic     ${traffic.sent} requests from ${traffic.users} users, ${style(traffic.failed === 0 ? "green" : "red", `${traffic.failed} failed`)} (p50 ${traffic.p50Ms.toFixed(0)} ms, p99 ${traffic.p99Ms.toFixed(0)} ms)`,
    `  old secret  ${list(proof.oldSecret)}   (direct POST /mcp; 403 = dead)`,
    `  new secret  ${list(proof.newSecret)}   (200 = alive)`,
    `  no secret   ${list(proof.noSecret)}`,
    ...traffic.failures.map((failure) => `  failure     ${failure.kind} ${failure.status}: ${failure.reason}`),
    "",
    ...(html === undefined
      ? [
          `See it as a page:      ${mcpist(`demo${own} --html demo.html`)(context.place)}`,
          `Rehearse it yourself:  ${mcpist(`sandbox${own}`)(context.place)}`,
          `For real:              ${page("docs/deploy.md")(context.place)}`,
        ]
      : [`The page is in ${html}.`]),
  ];
  printProse(context, `${lines.join("\n")}\n`);
}

/** What is played in a rehearsal. Each act runs in the state that the one before it left. */
import type { OriginKind } from "../../contract/platforms.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../errors.ts";
import type { Progress } from "../output.ts";
import { reported } from "../reporter.ts";
import { runRotation, type Rotation } from "../runs/rotation.ts";
import { runVerify } from "../runs/status.ts";
import { openSession } from "../session.ts";
import type { TrafficReport } from "../../sandbox/load/traffic.ts";
import { startLoad, type Load } from "./traffic-load.ts";
import { deployService, type LocalCloud } from "./local-cloud.ts";
import { allAnswered, askOrigins, heldSecret, type Statuses } from "./proof.ts";

/** Where it is played. */
export interface Stage {
  readonly cloud: LocalCloud;
  readonly load: Load;
  readonly progress: Progress;
}

/** How it went; further members are details for `--json`. */
export interface Outcome {
  readonly ok: boolean;
  /** Short lines. */
  readonly summary: readonly string[];
  readonly [detail: string]: unknown;
}

/** One part of a rehearsal. */
export interface Act {
  readonly name: "first-deploy" | "rotation" | "outage" | "emergency";
  readonly title: string;
  readonly play: (stage: Stage) => Promise<Outcome>;
}

/** Traffic on both sides of what happens. Unit: milliseconds. */
const BEFORE_MS = 2000;
const AFTER_MS = 1500;
/** How long a platform is gone. Unit: milliseconds. */
const OUTAGE_MS = 4000;

const UNPROVEN = "the secrets are not as they should be";

/** In this order. */
export const ACTS: readonly Act[] = [
  { name: "first-deploy", title: "first deploy", play: firstDeploy },
  { name: "rotation", title: "rotation", play: rotation },
  { name: "outage", title: "loss of a platform", play: outages },
  { name: "emergency", title: "emergency", play: emergency },
];

/** The same context without a voice: the act itself says what is to be said. */
const quiet = (context: Context): Context => ({
  ...context,
  stdout: { write: () => true },
  stderr: { write: () => true },
});

async function inStep({ inside, flags }: LocalCloud): Promise<boolean> {
  return (await runVerify(quiet(inside), { ...flags, json: true })) === EXIT.done;
}

async function firstDeploy({ cloud, progress }: Stage): Promise<Outcome> {
  await deployService(cloud, progress);
  const ok = await inStep(cloud);
  const origins = cloud.environment.origins.map((origin) => origin.name).join(", ");
  return { ok, summary: [ok ? `in step at ${origins}` : "the parties are not in step"] };
}

/** Keeps users busy while `work` runs. */
async function underLoad<T>(
  { cloud, load, progress }: Stage,
  work: () => Promise<T>,
): Promise<{ value: T; traffic: TrafficReport }> {
  const traffic = await startLoad(cloud, load, progress);
  try {
    await cloud.inside.sleep(BEFORE_MS);
    const value = await work();
    await cloud.inside.sleep(AFTER_MS);
    return { value, traffic: await traffic.stop() };
  } finally {
    await traffic.stop();
  }
}

const countsOf = ({ sent, failed, slow, byStatus, p50Ms, p99Ms, failures }: TrafficReport) => ({
  sent,
  failed,
  slow,
  byStatus,
  p50Ms,
  p99Ms,
  failures: failures.slice(0, 5),
});

interface Turned extends Rotation {
  readonly proof: { readonly oldSecret: Statuses; readonly newSecret: Statuses };
  readonly proven: boolean;
}

/** One rotation and its proof: the old value refused, and the new one taken, by every origin. */
async function turn({ cloud, progress }: Stage, emergency?: "now"): Promise<Turned> {
  const { inside, flags } = cloud;
  const session = await openSession(inside, flags);
  const before = { a: heldSecret(cloud, "a"), b: heldSecret(cloud, "b") };
  const rotated = await runRotation(
    inside,
    session,
    { ...flags, yes: true, init: false, clean: false, dryRun: false, emergency },
    progress,
  );
  const { from, to } = rotated.report;
  const valueOf = (slot: string | undefined) => (slot === "b" ? "b" : "a");
  const [oldSecret, newSecret] = await Promise.all([
    askOrigins(cloud, from ? before[valueOf(from.slot)] : undefined),
    askOrigins(cloud, heldSecret(cloud, valueOf(to?.slot))),
  ]);
  const proven = from !== null && to !== null && allAnswered(oldSecret, 403) && allAnswered(newSecret, 200);
  return { ...rotated, proof: { oldSecret, newSecret }, proven };
}

/** Requests that failed for another reason than that this machine was too slow for them. */
const lost = ({ failed, slow }: TrafficReport): number => failed - slow;

function wordsOf(traffic: TrafficReport): string {
  const { sent, slow } = traffic;
  const words = lost(traffic) === 0 ? `none of ${sent} requests failed` : `${lost(traffic)} of ${sent} requests failed`;
  return slow === 0 ? words : `${words}, for ${slow} this machine was too slow`;
}

async function rotation(stage: Stage): Promise<Outcome> {
  const { value, traffic } = await underLoad(stage, () => turn(stage));
  if (value.ended.failure) throw value.ended.failure;
  const { report, proof, proven } = value;
  return {
    ok: report.ok && proven && lost(traffic) === 0,
    summary: [proven ? "old secret dead, new one everywhere" : UNPROVEN, wordsOf(traffic)],
    rotation: report,
    proof,
    traffic: countsOf(traffic),
  };
}

async function outages(stage: Stage): Promise<Outcome> {
  const { origins } = stage.cloud.environment;
  const kinds = [...new Set(origins.filter((origin) => origin.state === "pool").map((origin) => origin.kind))];
  const platforms = [];
  for (const platform of kinds) platforms.push(await outage(stage, platform, kinds.length > 1));
  return {
    ok: platforms.every((seen) => seen.ok),
    summary: platforms.map((seen) => seen.summary),
    platforms,
  };
}

/** @param covered true when another platform is in the pool: then the gateway must go on answering. */
async function outage(stage: Stage, platform: OriginKind, covered: boolean) {
  const { cloud, progress } = stage;
  const { scenarios } = cloud.sandbox;
  const name = `${platform}-down`;
  const { sleep, signal } = cloud.inside;
  const { traffic } = await reported(progress, signal, `lose ${platform} for ${OUTAGE_MS / 1000} s`, () =>
    underLoad(stage, async () => {
      await scenarios.start(name);
      await sleep(OUTAGE_MS).finally(() => scenarios.stop(name));
    }),
  );
  const without = covered ? "" : " (no other platform is in the pool)";
  return {
    platform,
    ok: !covered || lost(traffic) === 0,
    summary: `without ${platform} ${wordsOf(traffic)}${without}`,
    traffic: countsOf(traffic),
  };
}

async function emergency(stage: Stage): Promise<Outcome> {
  const { value, traffic } = await underLoad(stage, () => turn(stage, "now"));
  if (value.ended.failure) throw value.ended.failure;
  const { report, proof, proven } = value;
  const ok = report.ok && proven && (await inStep(stage.cloud));
  return {
    ok,
    summary: [
      proven ? `leaked secret dead after ${(report.durationMs / 1000).toFixed(1)} s` : UNPROVEN,
      `it cost ${traffic.failed} of ${traffic.sent} requests`,
    ],
    rotation: report,
    proof,
    traffic: countsOf(traffic),
  };
}

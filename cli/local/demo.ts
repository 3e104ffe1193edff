/** `mcpist demo`: a local cloud, live traffic through the real gateway, one rotation under it, and the proof. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { SLOT_VARIABLES } from "../../contract/gateway-secret.ts";
import {
  GATEWAY_SECRET_HEADER,
  MCP_PATH,
  MODERN_PROTOCOL_VERSION,
  REQUEST_ID_HEADER,
  USER_ID_HEADER,
} from "../../contract/headers.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { printError, printJson, Progress, styles } from "../output.ts";
import { openSession, type CommonFlags } from "../session.ts";
import { deployService, startLocalCloud, type LocalCloud } from "./local-cloud.ts";
import { runRotation, type RotationReport } from "../runs/rotation.ts";

/** Flags of the command. */
export interface DemoFlags extends CommonFlags {
  readonly html?: string | undefined;
  readonly users: number;
  readonly rate: number;
}

/** Traffic before and after the rotation, so that both sides of it are seen. Unit: milliseconds. */
const WARM_UP_MS = 2000;
/** A user is limited to five. */
const MOST_PER_USER = 4;
const COOL_DOWN_MS = 1500;

/** HTTP status of each origin by name. */
type Statuses = Record<string, number>;

/** Asks every origin directly, past the gateway, with one secret. */
async function askOrigins(cloud: LocalCloud, secret: string | undefined): Promise<Statuses> {
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/list",
    params: {
      _meta: {
        "io.modelcontextprotocol/protocolVersion": MODERN_PROTOCOL_VERSION,
        "io.modelcontextprotocol/clientInfo": { name: "mcpist-demo", version: "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": {},
      },
    },
  });
  const statuses: Statuses = {};
  await Promise.all(
    cloud.environment.origins.map(async (origin) => {
      const response = await cloud.inside.fetch(origin.url + MCP_PATH, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-protocol-version": MODERN_PROTOCOL_VERSION,
          "mcp-method": "tools/list",
          [USER_ID_HEADER]: "00000000-0000-4000-8000-000000000001",
          [REQUEST_ID_HEADER]: requestId(),
          ...(secret === undefined ? {} : { [GATEWAY_SECRET_HEADER]: secret }),
        },
        body,
      });
      await response.body?.cancel();
      statuses[origin.name] = response.status;
    }),
  );
  return statuses;
}

/** A UUIDv7, as the gateway mints them. */
function requestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(
    0,
    (BigInt(Date.now()) << 16n) | BigInt(0x7000 | (((bytes[6] ?? 0) & 0x0f) << 8) | (bytes[7] ?? 0)),
  );
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The command. */
export async function runDemo(context: Context, flags: DemoFlags): Promise<ExitCode> {
  const { users, rate: ratePerSecond } = flags;
  if (ratePerSecond > users * MOST_PER_USER) {
    const most = `at most ${MOST_PER_USER} requests per second and user`;
    throw new McpistError("ERR_USAGE", `--rate takes ${most}`, { hint: HINTS.flag("--rate", users * MOST_PER_USER) });
  }
  const started = context.monotonic();
  const progress = new Progress(context, flags);
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    context.signal.throwIfAborted();
    const end = progress.begin(name);
    try {
      const value = await work();
      end("done");
      return value;
    } catch (error) {
      end("failed");
      throw error;
    }
  };

  const cloud = await step("start a local cloud (GitHub, Cloudflare, Koyeb, Fly.io, sign-in, Postgres)", () =>
    startLocalCloud(context, flags, { control: flags.html !== undefined }),
  );
  try {
    await deployService(cloud, progress);
    const { sandbox, inside } = cloud;
    const held = (slot: "a" | "b") => sandbox.github.reveal(SLOT_VARIABLES[slot], cloud.environment.github.environment);
    const { startTraffic } = await import("../../sandbox/load/traffic.ts");
    const before = held("a");
    const { startTimeline } = await import("../../sandbox/watch/timeline.ts");
    const traffic = await startTraffic({
      gatewayUrl: sandbox.urls.gateway,
      mint: (options) => sandbox.idp.mint(options),
      users,
      ratePerSecond,
    });
    const timeline = flags.html === undefined ? null : startTimeline(sandbox, { traffic });
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
      const after = rotation.to?.slot === "a" ? held("a") : held("b");
      const proof = {
        oldSecret: await askOrigins(cloud, before),
        newSecret: await askOrigins(cloud, after),
        noSecret: await askOrigins(cloud, undefined),
      };
      const recording = await timeline?.stop();
      await progress.end();
      if (recording && flags.html !== undefined) {
        const { renderPage, rotationTiles } = await import("../../sandbox/watch/page.ts");
        const page = renderPage(recording, {
          title: "A rotation under live traffic",
          subtitle: `The gateway secret was replaced at the Worker, Koyeb, Fly.io and GitHub while ${users} users sent ${ratePerSecond} requests a second.`,
          tiles: rotationTiles(report, proof),
        });
        await writeFile(resolve(context.cwd, flags.html), page);
      }
      const all = (statuses: Statuses, wanted: number) =>
        Object.values(statuses).length > 0 && Object.values(statuses).every((status) => status === wanted);
      const ok =
        rotation.ok &&
        report.failed === 0 &&
        all(proof.oldSecret, 403) &&
        all(proof.newSecret, 200) &&
        all(proof.noSecret, 403);
      const exitCode: ExitCode = ok ? EXIT.done : EXIT.failed;
      const { sent, failed, byStatus, byOrigin, p50Ms, p99Ms, failures } = report;
      const result = {
        command: "demo",
        ok,
        exitCode,
        durationMs: Math.round(context.monotonic() - started),
        traffic: {
          sent,
          failed,
          byStatus,
          byOrigin,
          p50Ms,
          p99Ms,
          users,
          ratePerSecond,
          failures: failures.slice(0, 10),
        },
        proof,
        rotation,
      };
      if (flags.json) printJson(context, result);
      else printDemo(context, result, flags.html);
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
  readonly ok: boolean;
  readonly durationMs: number;
  readonly traffic: {
    readonly sent: number;
    readonly failed: number;
    readonly users: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly failures: readonly { kind: string; status: number; reason: string }[];
  };
  readonly proof: { readonly oldSecret: Statuses; readonly newSecret: Statuses; readonly noSecret: Statuses };
  readonly rotation: RotationReport;
}

function printDemo(context: Context, result: DemoResult, html: string | undefined): void {
  const style = styles(context, context.stdout);
  const { traffic, proof, rotation } = result;
  const list = (statuses: Statuses) =>
    Object.entries(statuses)
      .map(([origin, status]) => `${origin} ${status}`)
      .join(", ");
  const verdict = result.ok ? style("green", "It worked.") : style("red", "It did not work.");
  const instances = rotation.targets
    .map((target) => `${target.name} ${target.accepted}/${target.instances}`)
    .join(", ");
  const lines = [
    "",
    `${verdict} The gateway secret was rotated under live traffic, everything on this machine.`,
    "",
    `  rotation    ${rotation.from?.kid ?? "?"} -> ${rotation.to?.kid ?? "?"} in ${(rotation.durationMs / 1000).toFixed(1)} s; accepted by ${instances}`,
    `  traffic     ${traffic.sent} requests from ${traffic.users} users, ${style(traffic.failed === 0 ? "green" : "red", `${traffic.failed} failed`)} (p50 ${traffic.p50Ms.toFixed(0)} ms, p99 ${traffic.p99Ms.toFixed(0)} ms)`,
    `  old secret  ${list(proof.oldSecret)}   (direct POST /mcp; 403 = dead)`,
    `  new secret  ${list(proof.newSecret)}   (200 = alive)`,
    `  no secret   ${list(proof.noSecret)}`,
    ...traffic.failures.map((failure) => `  failure     ${failure.kind} ${failure.status}: ${failure.reason}`),
    "",
    ...(html === undefined
      ? [`See it: mcpist demo --html demo.html.   Rehearse it yourself: mcpist sandbox.   For real: docs/deploy.md`]
      : [`The page is in ${html}.`]),
  ];
  context.stdout.write(`${lines.join("\n")}\n`);
}

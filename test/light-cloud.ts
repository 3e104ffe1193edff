/**
 * A sandbox of any size for tests and benches: origins by number, Machines by number, instances without processes unless real ones
 * are wanted. Rotations run in this process, as the command would.
 */
import { parseConfig, type Environment } from "../contract/config.ts";
import { SANDBOX_ENVIRONMENT, sandboxEnvironment } from "../contract/sandbox.ts";
import { realContext, type Context, type ProcessContext } from "../cli/context.ts";
import { Progress } from "../cli/output.ts";
import { runRotation, type Rotation } from "../cli/runs/rotation.ts";
import { sessionOf, type Session } from "../cli/session.ts";
import { Waits } from "../cli/waits.ts";
import { provisionBase, provisionService } from "../sandbox/provision.ts";
import { startTraffic, type Traffic } from "../sandbox/load/traffic.ts";
import { startSandbox, type Sandbox } from "../sandbox/start.ts";
import type { Timings } from "../sandbox/vendors/vendor.ts";

/** One for the whole process: each takes its signals. */
let processContext: ProcessContext | null = null;

/** Platforms whose rollouts and lists are at once, for tests of something else; Cloudflare is as late as ever. */
export const BRISK: Partial<Timings> = { koyebStepMs: 20, koyebDrainMs: 100, flyBootMs: 50, listLagMs: 0 };

/** What is started. */
export interface CloudSize {
  /** At least two: the sandbox's own. The others are at Koyeb and at Fly.io, one Machine each. */
  readonly origins?: number;
  /** Of the first origin at Fly.io. */
  readonly machines?: number;
  /** False: a real process per instance. */
  readonly light?: boolean;
  readonly timings?: Partial<Timings>;
  readonly drain?: { readonly minAge: string; readonly quiet: string; readonly max: string };
  /** Receives what the sandbox's operator would read. */
  readonly log?: (line: string) => void;
}

/** Modes of a rotation. */
export interface RotationMode {
  readonly init?: boolean;
  readonly clean?: boolean;
  readonly emergency?: "fast" | "now";
  readonly stealLock?: string;
}

/** A running installation with its first secret. */
export interface LightCloud {
  readonly sandbox: Sandbox;
  readonly environment: Environment;
  /** What a command's process has. */
  readonly context: Context;
  /** A new command that has not begun. */
  session(): Promise<Session>;
  /** `mcpist secrets rotate`. @param change of the context, for this command alone. @param onStep told which step begins. */
  rotate(
    mode?: RotationMode,
    change?: Partial<Context>,
    onStep?: (name: string | null) => void,
  ): Promise<Rotation & { readonly progress: Progress }>;
  /** Begins traffic through the gateway. */
  traffic(ratePerSecond: number): Promise<Traffic>;
  /** Calls to GitHub so far. */
  githubCalls(): number;
  close(): Promise<void>;
}

async function environmentOf(sandbox: Sandbox, { origins = 2, machines = 2, drain }: CloudSize): Promise<Environment> {
  const base = sandboxEnvironment(sandbox.urls);
  const own = base.origins.map((origin) => (origin.kind === "fly" ? { ...origin, machines } : origin));
  const more = await Promise.all(
    Array.from({ length: origins - own.length }, async (_, i) => {
      const app = `more-${i}`;
      return i % 2 === 0
        ? {
            name: `koyeb-${i}`,
            kind: "koyeb" as const,
            app,
            service: "origin",
            url: await sandbox.koyeb.edgeUrl(app, "origin"),
          }
        : { name: `fly-${i}`, kind: "fly" as const, app, machines: 1, url: await sandbox.fly.edgeUrl(app) };
    }),
  );
  const parsed = parseConfig({
    environments: { [SANDBOX_ENVIRONMENT]: { ...base, ...(drain ? { drain } : {}), origins: [...own, ...more] } },
  });
  const environment = parsed.ok ? parsed.value.environments[SANDBOX_ENVIRONMENT] : undefined;
  if (!environment) throw new TypeError("the environment does not fit its own schema");
  return environment;
}

/** Starts it: base, first secret, service. */
export async function startLightCloud(size: CloudSize = {}): Promise<LightCloud> {
  const { light = true, timings, log = () => undefined } = size;
  const sandbox = await startSandbox({ log, control: false, light, timings });
  try {
    const environment = await environmentOf(sandbox, size);
    const real = (processContext ??= realContext());
    const { PATH, HOME } = real.env;
    const silent = { write: () => true };
    const context: Context = {
      ...real,
      stdout: silent,
      stderr: silent,
      env: { PATH, HOME, ...sandbox.env },
      waits: new Waits(),
    };
    const named = { name: SANDBOX_ENVIRONMENT, environment };
    const session = (change: Partial<Context> = {}) => sessionOf({ ...context, ...change }, named);
    const cloud: LightCloud = {
      sandbox,
      environment,
      context,
      session: () => session(),
      async rotate(mode = {}, change = {}, onStep = () => undefined) {
        const own = { ...context, ...change };
        const progress = new Progress(own, { json: true });
        progress.onStep(onStep);
        const flags = { env: undefined, config: "", json: true, yes: true, debug: false, dryRun: false };
        const all = { ...flags, init: false, clean: false, ...mode };
        return { ...(await runRotation(own, await session(change), all, progress)), progress };
      },
      traffic: (ratePerSecond) =>
        startTraffic({
          gatewayUrl: sandbox.urls.gateway,
          mint: (options) => sandbox.idp.mint(options),
          users: 16,
          ratePerSecond,
        }),
      githubCalls: () => sandbox.faults.calls.filter(({ vendor }) => vendor === "github").length,
      close: () => sandbox.close(),
    };
    await provisionBase(sandbox, environment);
    const { ended } = await cloud.rotate({ init: true });
    if (ended.failure) throw ended.failure;
    await provisionService(sandbox, environment);
    return cloud;
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

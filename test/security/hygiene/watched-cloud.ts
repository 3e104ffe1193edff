/**
 * A sandbox whose every secret value is remembered, and commands that run in it under every observer, with every debug switch that a
 * person in trouble would turn on. The values are known from three sides: what the process drew, what GitHub's imitation opened, and
 * what the test itself put in.
 */
import { fileURLToPath } from "node:url";
import { deployService, type LocalCloud, startLocalCloud } from "../../../cli/local/local-cloud.ts";
import { type Context, realContext } from "../../../cli/context.ts";
import { Progress } from "../../../cli/output.ts";
import { SANDBOX_ENVIRONMENT } from "../../../contract/sandbox.ts";
import type { FaultRule } from "../../../sandbox/vendors/faults.ts";
import { BRISK } from "../../light-cloud.ts";
import type { Canary } from "./forms.ts";
import { type Channel, type Subject, watch, type Watched } from "./watch.ts";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CLI = `${ROOT}cli/main.ts`;
/**
 * `http` prints headers, `undici` URLs, `execa` command lines and output. Not `child_process`: Node then prints the options of every
 * program that it starts, wrangler's environment and input among them (docs/security/README.md, "What is not done").
 */
const LOUD = {
  DEBUG: "*",
  NODE_DEBUG: "http,https,undici,fetch,execa",
  WRANGLER_LOG: "debug",
  WRANGLER_LOG_SANITIZE: "false",
};
/** A process is given its tokens by environment; nothing else is. */
const TOKENS_ALLOWED: Readonly<Record<string, readonly Channel[]>> = { token: ["environ", "execve"] };

/** How a command is run. */
export type Circumstances = Partial<Subject> & { readonly faults?: readonly FaultRule[] };

/** The running sandbox. */
export interface WatchedCloud {
  readonly cloud: LocalCloud;
  /** Everything secret that ever existed in this sandbox, by its value. */
  readonly known: ReadonlyMap<string, Canary>;
  /** Has `value` looked for from now on. Undefined and a tombstone are no values. */
  remember(name: string, value: string | undefined): void;
  /** Remembers both slots. @returns those that hold a value. */
  lookIntoGithub(): readonly string[];
  /** Runs `mcpist` under the observers. */
  mcpist(args: readonly string[], circumstances?: Circumstances): Promise<Watched>;
  /** `mcpist secrets rotate`. */
  rotate(circumstances?: Circumstances): Promise<Watched>;
  close(): Promise<void>;
}

/** Starts it, with a service that has its first secret. */
export async function startWatchedCloud(): Promise<WatchedCloud> {
  const known = new Map<string, Canary>();
  const remember = (name: string, value: string | undefined): void => {
    if (value !== undefined && !value.startsWith("revoked:")) known.set(value, { name, bytes: Buffer.from(value) });
  };
  const real = realContext();
  const silent = { write: () => true };
  const context: Context = {
    ...real,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    stdout: silent,
    stderr: silent,
    randomBytes: (count) => {
      const bytes = real.randomBytes(count);
      if (count === 32) remember("drawn value", bytes.toString("hex"));
      return bytes;
    },
  };
  const flags = { config: "mcpist.config.ts", json: true, yes: true, debug: false };
  const cloud = await startLocalCloud(context, flags, { timings: BRISK });
  await deployService(cloud, new Progress(context, flags));
  for (const token of Object.values(cloud.sandbox.context.tokens)) remember("token", token);

  const lookIntoGithub = (): readonly string[] =>
    ["GATEWAY_SECRET_A", "GATEWAY_SECRET_B"].flatMap((name) => {
      const value = cloud.sandbox.github.reveal(name, SANDBOX_ENVIRONMENT);
      remember("gateway secret", value);
      return value === undefined || value.startsWith("revoked:") ? [] : [value];
    });
  const mcpist = async (args: readonly string[], circumstances: Circumstances = {}): Promise<Watched> => {
    const { faults = [], env, allowed, ...subject } = circumstances;
    for (const fault of faults) cloud.sandbox.faults.add(fault);
    const watched = await watch({
      args: [CLI, ...args],
      env: { ...cloud.sandbox.env, ...LOUD, ...env },
      canaries: () => {
        lookIntoGithub();
        return [...known.values()];
      },
      allowed: { ...TOKENS_ALLOWED, ...allowed },
      ...subject,
    });
    for (const value of watched.draws) remember("drawn value", value);
    return watched;
  };
  return {
    cloud,
    known,
    remember,
    lookIntoGithub,
    mcpist,
    rotate: (circumstances) => mcpist(["secrets", "rotate", "--json", "--debug"], circumstances),
    close: () => cloud.sandbox.close(),
  };
}

/** Of all that a loud run prints, what the command itself said. */
export const sentences = (stderr: string): string =>
  stderr
    .split("\n")
    .filter((line) => /^(error:|hint:|failed)/.test(line))
    .join("\n");

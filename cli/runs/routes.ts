/**
 * `mcpist origins quarantine NAME`: takes a failed origin out of the pool on purpose. Changes the gateway's routes, never its
 * secret, and says which line of mcpist.config.ts keeps the next deploy from undoing it. Also what both origins commands share.
 */
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import type { Origin } from "../../contract/config.ts";
import type { GatewayConfig, OriginState } from "../../contract/runtime-config.ts";
import { SANDBOX_VARIABLE } from "../../contract/sandbox.ts";
import type { Context } from "../context.ts";
import { McpistError, type ExitCode } from "../errors.ts";
import { stateLineHere } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import type { CommonFlags } from "../flags.ts";
import { configPath } from "../load-config.ts";
import { Progress, styles, printProse } from "../output.ts";
import { reroute } from "../secrets/pool.ts";
import type { Changed } from "../secrets/worker-change.ts";
import type { Run } from "../secrets/run.ts";
import { openSession, type Session } from "../session.ts";
import { stateLine, type LineChange } from "./config-line.ts";
import { reportEnd, runLocked } from "./locked.ts";
import { checkSteal, takeLock, type LockFlags } from "./take-lock.ts";
import { typedName } from "../redact.ts";

/** Flags of both commands. */
export interface OriginFlags extends CommonFlags, LockFlags {
  /** Name of the origin. */
  readonly name: string;
}

/** The origin as mcpist.config.ts has it. @throws {McpistError} ERR_USAGE that lists the known ones. */
export function originOf(session: Session, name: string): Origin {
  const { origins } = session.environment;
  const origin = origins.find((candidate) => candidate.name === name);
  if (origin) return origin;
  throw new McpistError("ERR_USAGE", `there is no such origin${typedName(name)}`, {
    hint: HINTS.oneOf(origins.map((known) => known.name)),
  });
}

/** How the file has to be changed, so that the next deploy says what the gateway does now. */
export interface FileChange {
  readonly file: string;
  /** Null when the place cannot be told for sure. */
  readonly change: LineChange | null;
  /** In words, always right. */
  readonly words: string;
}

/** @returns null when the file says it already. */
export async function fileChange(
  context: Context,
  session: Session,
  flags: CommonFlags,
  origin: Origin,
  state: OriginState,
): Promise<FileChange | null> {
  if (origin.state === state) return null;
  const { joined } = context.place;
  if (joined) return { file: SANDBOX_VARIABLE, change: null, words: stateLineHere(joined, origin.name, state) };
  const path = configPath(context.cwd, flags.config);
  const text = await readFile(path, "utf8").catch(() => "");
  const words = `set state: "${state}" for origin "${origin.name}" of environment "${session.name}"`;
  return { file: relative(context.cwd, path), change: stateLine(text, session.name, origin.name, state), words };
}

/** The gateway's configuration with another state of one origin; null when it has it already. */
export function withState(config: GatewayConfig, name: string, state: OriginState): GatewayConfig | null {
  if (config.origins.some((origin) => origin.name === name && origin.state === state)) return null;
  return { ...config, origins: config.origins.map((origin) => (origin.name === name ? { ...origin, state } : origin)) };
}

/**
 * The next deploy of mcpist.config.ts must change nothing but the origin in question.
 * @throws {McpistError} ERR_REFUSED naming the first origin that file and gateway disagree about.
 */
export function checkAgreement(config: GatewayConfig, origins: readonly Origin[], except: string): void {
  for (const route of config.origins) {
    if (route.name === except) continue;
    const state = origins.find((origin) => origin.name === route.name)?.state;
    if (state === route.state) continue;
    throw new McpistError(
      "ERR_REFUSED",
      `the configuration ${state === undefined ? `does not name ${route.name}` : `calls ${route.name} ${state}`}, but the gateway has it as ${route.state}`,
      {
        hint: HINTS.agree(route.name, route.state),
      },
    );
  }
}

/** What was done, for `--json` and for people. */
export interface Outcome {
  /** Null when there was nothing to do. */
  readonly rerouted: Changed | null;
  readonly state: OriginState;
}

/** Runs `work` under the lock and reports what the gateway routes to now, and which line of the file has to say so. */
export async function runOrigins(
  context: Context,
  session: Session,
  flags: OriginFlags & { readonly command: string },
  origin: Origin,
  work: (run: Run, progress: Progress) => Promise<Outcome>,
): Promise<ExitCode> {
  checkSteal(context, flags);
  const progress = new Progress(context, flags);
  const ended = await runLocked(context, session, progress, (run) => work(run, progress));
  const outcome = ended.value;
  const file = outcome ? await fileChange(context, session, flags, origin, outcome.state) : null;
  return reportEnd(context, session, flags, progress, ended, {
    json: {
      origin: origin.name,
      state: outcome?.state ?? null,
      changed: outcome?.rerouted?.changed ?? false,
      versionId: outcome?.rerouted?.versionId ?? null,
      kid: outcome?.rerouted?.kid ?? null,
      file,
    },
    notice: { command: `${flags.command} ${origin.name}` },
    print: () => {
      if (outcome) print(context, origin, outcome, file);
    },
  });
}

function print(context: Context, origin: Origin, { rerouted, state }: Outcome, file: FileChange | null): void {
  const style = styles(context, context.stdout);
  const does = { pool: "routes to", joining: "knows", quarantined: "no longer routes to" }[state];
  const version = rerouted ? ` (version ${rerouted.versionId}, still sends ${rerouted.kid})` : "";
  const already = rerouted?.changed === true ? "" : ", as before";
  printProse(context, `${style("green", "done")}  the gateway ${does} ${origin.name}${already}${version}\n`);
  if (!file) return;
  printProse(
    context,
    `next  so that rotations and the next deploy keep to it, ${file.change ? `change line ${file.change.line} of ${file.file}` : `in ${file.file}`}:\n`,
  );
  if (file.change)
    context.stdout.write(
      `      ${style("red", `-${file.change.from}`)}\n      ${style("green", `+${file.change.to}`)}\n`,
    );
  else context.stdout.write(`      ${file.words}\n`);
}

/** What speaks against taking `name` out, seen from the gateway. @throws {McpistError}. */
function checkQuarantine(config: GatewayConfig, session: Session, name: string): void {
  const { origins } = session.environment;
  if (!config.origins.some((route) => route.name === name)) {
    throw new McpistError("ERR_REFUSED", `the gateway does not know ${name}, so it gets no traffic`, {
      hint: HINTS.setQuarantined(name),
    });
  }
  checkAgreement(config, origins, name);
  const others = config.origins.filter((route) => route.name !== name && route.state === "pool");
  if (others.length > 0) return;
  throw new McpistError("ERR_REFUSED", `${name} is the last origin in the pool: without it every request fails`, {
    hint: HINTS.joinFirst(origins.find((origin) => origin.name !== name)?.name ?? "NAME"),
  });
}

/** `origins quarantine`: the same code and secret, one origin fewer. Needs nothing from the origin itself. */
export async function runQuarantine(context: Context, flags: OriginFlags): Promise<ExitCode> {
  const session = await openSession(context, flags);
  const origin = originOf(session, flags.name);
  if (origin.state === "joining") {
    throw new McpistError("ERR_REFUSED", `the configuration calls ${origin.name} joining, so it gets no traffic`, {
      hint: HINTS.setQuarantined(origin.name),
    });
  }
  return runOrigins(context, session, { ...flags, command: "origins quarantine" }, origin, async (run) => {
    await takeLock(session, run, flags);
    const rerouted = await reroute(run, {
      name: `quarantine ${origin.name}`,
      change: (config) => {
        checkQuarantine(config, session, origin.name);
        return withState(config, origin.name, "quarantined");
      },
    });
    return { rerouted, state: "quarantined" };
  });
}

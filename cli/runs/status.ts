/** `mcpist secrets status` and `mcpist secrets verify`: the same look, once for people, once as a check. */
import { isKid } from "../../contract/gateway-secret.ts";
import type { Origin } from "../../contract/config.ts";
import { usedSecrets } from "../../contract/secret-names.ts";
import { acceptedKids } from "../../contract/slots.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import type { Hint } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import { table } from "../layout.ts";
import { hintText, printJson, styles, printNext, printProse } from "../output.ts";
import { notify } from "./notify.ts";
import { watchChanges } from "./watch.ts";
import { openSession, type CommonFlags, type Session } from "../session.ts";
import { driftOf, type Drift } from "../secrets/drift.ts";
import { heldElsewhere } from "../secrets/elsewhere.ts";
import { secretsReport, type SecretsReport } from "../secrets/marks.ts";
import { checkRoutes, deployedRoutes, poolDrift, type PoolDrift } from "../secrets/pool.ts";
import { kidOfVersion, sentKids, type Observation } from "../secrets/observation.ts";
import { phaseOf, type Phase } from "../secrets/phase.ts";
import { nextHint } from "../secrets/phases/table.ts";

interface Status {
  readonly observation: Observation;
  readonly phase: Phase;
  readonly drift: readonly Drift[];
  /** What there is no evidence for, and no fault either: it does not change the exit code. */
  readonly unknown: readonly string[];
  /** Unit: days; null = unknown. */
  readonly ageDays: number | null;
  /** Older than `maxSecretAge`. */
  readonly overdue: boolean;
  readonly next: Hint;
}

async function look(session: Session): Promise<Status> {
  const run = session.run({ begin: () => () => undefined, note: () => undefined });
  const used = usedSecrets(session.environment);
  const [observation, elsewhere, liveVariable, misrouted, pool] = await Promise.all([
    run.observe(),
    heldElsewhere(session.targets, used),
    session.targets.vault.live(),
    wrongRoute(session),
    offPool(session),
  ]);
  const phase = phaseOf(observation);
  const { live } = session.journal.state;
  const since = live?.kid === phase.live && live?.since ? Date.parse(live.since) : null;
  const ageMs = since === null ? null : Math.max(0, session.store.serverTime() - since);
  const overdue = ageMs !== null && ageMs > session.environment.maxSecretAge;
  const { puts = {} } = session.journal.state;
  const secrets = secretsReport([...observation.origins, ...elsewhere], used, puts);
  const drift: readonly Drift[] = [
    ...(misrouted === null ? [] : [{ party: "worker", kid: null, what: misrouted.message }]),
    ...pool.map(({ what }) => ({ party: "worker", kid: null, what })),
    ...secrets.drift.map(({ party, kid, what }) => ({ party, kid, what })),
    ...driftOf(observation, phase, { liveVariable, journalExists: session.journal.tip !== null, overdue }),
  ];
  return {
    observation,
    phase,
    drift,
    unknown: secrets.unknown,
    overdue,
    ageDays: ageMs === null ? null : Math.floor(ageMs / 86_400_000),
    next: misrouted?.advice ?? firstStep(phase, secrets, pool) ?? nextOf(session, phase, overdue, drift),
  };
}

/** What the gateway routes to although mcpist.config.ts keeps it out of the pool; null when they agree. */
async function wrongRoute(session: Session): Promise<McpistError | null> {
  try {
    await checkRoutes(session.targets.worker, session.environment.origins);
    return null;
  } catch (error) {
    if (!(error instanceof McpistError) || error.code === "ERR_UNAUTHORISED") throw error;
    // A platform that does not answer is a party that cannot be seen, which the phase says already.
    return error.exitCode === EXIT.refused ? error : null;
  }
}

/** What the gateway leaves out although mcpist.config.ts calls it pool. What cannot be read is said by the phase already. */
async function offPool(session: Session): Promise<readonly PoolDrift[]> {
  const deployed = await deployedRoutes(session.targets.worker).catch(() => null);
  return deployed === null ? [] : poolDrift(deployed.config.origins, session.environment.origins);
}

/** What comes before any rotation: an origin cannot start without its secrets, and a pool that is half gone is put right first. */
function firstStep(phase: Phase, secrets: SecretsReport, pool: readonly PoolDrift[]): Hint | undefined {
  if (phase.name !== "STEADY" && phase.name !== "BLIND") return undefined;
  const [missing] = secrets.drift;
  if (missing) return HINTS.put(missing.secret);
  return phase.name === "STEADY" ? pool[0]?.next : undefined;
}

/** Origins in a state, by name. */
const named = (session: Session, state: Origin["state"]): readonly string[] =>
  session.environment.origins.filter((origin) => origin.state === state).map((origin) => origin.name);

function nextOf(session: Session, phase: Phase, overdue: boolean, drift: readonly Drift[]): Hint {
  const [joining] = named(session, "joining");
  if (session.journal.heldByAnother) return HINTS.holder(session.journal.tip?.entry.run ?? "?");
  const next = nextHint(phase);
  if (next) return next;
  // Joining is a rotation as well, so it also ends what is overdue.
  if (joining !== undefined) return HINTS.join(joining);
  return overdue || drift.length > 0 ? HINTS.rotate() : HINTS.nothing();
}

/** One row per secret that anybody sends or accepts, like a keyring listing. */
function keyring(status: Status): readonly (readonly string[])[] {
  const { observation, phase } = status;
  const instances = observation.origins.flatMap((origin) => (origin.look.ok ? origin.look.instances : []));
  const vault = [observation.vault.a, observation.vault.b];
  const kids = new Set([
    ...(phase.live === null ? [] : [phase.live]),
    ...instances.flatMap((instance) => acceptedKids(instance.kids)),
    ...vault.filter((slot): slot is string => slot !== null && isKid(slot)),
    ...observation.worker.deployment.flatMap((share) => kidOfVersion(observation.worker, share.versionId) ?? []),
  ]);
  const sent = sentKids(observation.worker);
  return [...kids].map((kid) => [
    kid,
    sent.includes(kid) ? "worker" : "-",
    ...observation.origins.map((origin) => {
      if (!origin.look.ok) return "blind";
      const accepted = origin.look.instances.filter((instance) => acceptedKids(instance.kids).includes(kid)).length;
      return `${accepted}/${origin.look.instances.length}`;
    }),
    vault.includes(kid) ? "yes" : vault.includes("unknown") ? "unknown" : "no",
    kid === phase.live ? "live" : kid === phase.other ? "other" : "",
  ]);
}

/** Flags of `secrets status`. */
export interface StatusFlags extends CommonFlags {
  readonly watch: boolean;
}

/** `secrets status`: always 0 when the look itself worked. With `--watch` until Ctrl-C; a look that fails is said, and is not the end. */
export async function runStatus(context: Context, flags: StatusFlags): Promise<ExitCode> {
  if (!flags.watch) {
    const session = await openSession(context, flags);
    await showStatus(context, session, flags);
    return EXIT.done;
  }
  if (flags.json)
    throw new McpistError("ERR_USAGE", "--watch and --json exclude each other", {
      hint: HINTS.helpOf("secrets status"),
    });
  let session: Session | null = null;
  await watchChanges(context, async (quiet) => {
    session ??= await openSession(context, flags);
    const sees = await showStatus(quiet, session, flags).catch((error: unknown) => {
      session = null;
      throw error;
    });
    // A service that was made anew has another id, a login another token.
    if (!sees) session = null;
  });
  return EXIT.done;
}

/** @returns true when every party could be seen. */
async function showStatus(context: Context, session: Session, flags: CommonFlags): Promise<boolean> {
  const status = await look(session);
  if (flags.json) {
    printJson(context, report(context, "secrets status", session, status, EXIT.done));
    return seesAll(status);
  }
  const style = styles(context, context.stdout);
  const head = [
    "KID",
    "SENT BY",
    ...status.observation.origins.map((origin) => origin.name.toUpperCase()),
    "GITHUB",
    "",
  ];
  const age = status.ageDays === null ? "age unknown" : `${status.ageDays} days old`;
  printProse(
    context,
    `${session.name}: phase ${style("bold", status.phase.name)}, ${age}\n\n${table([head, ...keyring(status)])}\n\n`,
  );
  for (const name of named(session, "quarantined"))
    printProse(context, `${style("yellow", "left out")}  ${name} is quarantined; it accepts whatever it accepted\n`);
  for (const drift of status.drift)
    printProse(
      context,
      `${style("yellow", "drift")}  ${drift.party}${drift.kid ? ` (${drift.kid})` : ""}: ${drift.what}\n`,
    );
  for (const text of status.unknown) printProse(context, `${style("dim", "unknown")}  ${text}\n`);
  printNext(context, status.next);
  return seesAll(status);
}

const seesAll = ({ observation: { worker, origins } }: Status): boolean =>
  worker.blind === null && origins.every(({ look: { ok } }) => ok);

/** `secrets verify`: 0 only with evidence that everything is in step, else 3. */
export async function runVerify(context: Context, flags: CommonFlags): Promise<ExitCode> {
  const session = await openSession(context, flags);
  const status = await look(session);
  const exitCode = status.drift.length === 0 ? EXIT.done : EXIT.refused;
  if (status.overdue) {
    const { phase, ageDays } = status;
    await notify(context, session, {
      outcome: "overdue",
      command: "secrets verify",
      exitCode,
      phase: phase.name,
      from: phase.live,
      ageDays,
    });
  }
  if (flags.json) {
    printJson(context, report(context, "secrets verify", session, status, exitCode));
    return exitCode;
  }
  const style = styles(context, context.stdout);
  if (exitCode === EXIT.done) {
    const instances = status.observation.origins
      .map((origin) => `${origin.name} ${origin.look.ok ? origin.look.instances.length : 0}`)
      .join(", ");
    const leftOut = named(session, "quarantined");
    const besides = leftOut.length === 0 ? "" : `; left out: ${leftOut.join(", ")}`;
    printProse(
      context,
      `${style("green", "in step")}  ${session.name}: ${status.phase.live ?? ""} is the only secret (instances: ${instances}${besides})\n`,
    );
    for (const text of status.unknown) printProse(context, `${style("dim", "unknown")}  ${text}\n`);
    return exitCode;
  }
  for (const drift of status.drift)
    printProse(context, `${style("red", "off")}  ${drift.party}${drift.kid ? ` (${drift.kid})` : ""}: ${drift.what}\n`);
  printNext(context, status.next);
  return exitCode;
}

function report(context: Context, command: string, session: Session, status: Status, exitCode: ExitCode): object {
  const { observation, phase, drift, unknown, ageDays, next } = status;
  return {
    command,
    environment: session.name,
    ok: drift.length === 0,
    exitCode,
    phase: phase.name,
    live: phase.live,
    other: phase.other,
    ageDays,
    worker: observation.worker,
    origins: observation.origins,
    quarantined: named(session, "quarantined"),
    github: observation.vault,
    drift,
    unknown,
    next: hintText(context, next),
  };
}

/**
 * `mcpist origins join NAME`: a rotation in which the origin gets its first secret, and only after its switch and drain a place
 * in the pool. Run again after any interruption: what is done is not done twice.
 */
import type { Origin } from "../../contract/config.ts";
import type { Context } from "../context.ts";
import { McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Progress } from "../output.ts";
import { enterPool, obstacle } from "../secrets/join.ts";
import { phaseOf } from "../secrets/phase.ts";
import { deployedRoutes } from "../secrets/pool.ts";
import type { Run } from "../secrets/run.ts";
import { openSession, type Session } from "../session.ts";
import { checkAgreement, originOf, runOrigins, type OriginFlags, type Outcome } from "./routes.ts";
import { runRotation } from "./rotation.ts";
import { takeLock } from "./take-lock.ts";

/** The first may only finish what an earlier run began, without the newcomer. */
const MOST_ROTATIONS = 2;

/** Says whether the origin has its place already. @throws {McpistError} ERR_REFUSED when mcpist.config.ts does not call it joining. */
async function hasPlace(session: Session, origin: Origin): Promise<boolean> {
  const routes = await deployedRoutes(session.targets.worker);
  const isRouted = routes?.config.origins.some(
    (route) => route.name === origin.name && route.url === origin.url && route.state === "pool",
  );
  if (isRouted === true && origin.state !== "quarantined") return true;
  if (origin.state === "joining") return false;
  throw new McpistError(
    "ERR_REFUSED",
    origin.state === "pool"
      ? `the configuration calls ${origin.name} pool, but the gateway does not route to it: the next deploy would, whatever it holds`
      : `the configuration calls ${origin.name} quarantined, so a rotation would leave it out`,
    { hint: HINTS.setJoining(origin.name) },
  );
}

/** Rotates until the origin holds the live secret and nothing is unfinished. @throws the rotation's own error. */
async function rotateInto(
  context: Context,
  session: Session,
  flags: OriginFlags,
  name: string,
  run: Run,
  progress: Progress,
): Promise<void> {
  for (let rotations = 0; ; rotations++) {
    const observation = await run.observe();
    const problem = obstacle(observation, phaseOf(observation), name);
    // Exit code 5: the slots are written, and what is missing is no secret.
    if (problem === null) return;
    // A rotation would refuse as well, and call it a member of the pool.
    if (observation.origins.some((origin) => origin.name === name && !origin.look.ok)) throw problem;
    if (rotations > 0 && (problem.code === "ERR_PARTIAL" || rotations === MOST_ROTATIONS)) throw problem;
    const { ended } = await runRotation(
      context,
      session,
      { ...flags, init: false, clean: false, dryRun: false },
      progress,
    );
    run.touched = true;
    if (ended.failure) throw ended.failure;
  }
}

/** The command. */
export async function runJoin(context: Context, flags: OriginFlags): Promise<ExitCode> {
  const session = await openSession(context, flags);
  const origin = originOf(session, flags.name);
  const { origins } = session.environment;
  return runOrigins(
    context,
    session,
    { ...flags, command: "origins join" },
    origin,
    async (run, progress): Promise<Outcome> => {
      if (await hasPlace(session, origin)) return { rerouted: null, state: "pool" };
      await rotateInto(context, session, flags, origin.name, run, progress);
      // A rotation that took a dead run's lock has given it back.
      await takeLock(session, run, flags);
      const joined = { name: origin.name, url: origin.url, state: "pool" as const };
      const names = origins.map(({ name }) => name);
      const rerouted = await enterPool(run, joined, names, (config) => checkAgreement(config, origins, origin.name));
      return { rerouted, state: "pool" };
    },
  );
}

/** `mcpist secrets rotate --dry-run`: what the run would do or refuse, from where the installation is. Writes nothing. */
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { fitted } from "../layout.ts";
import { errorField, hintText, printJson, Progress } from "../output.ts";
import { holdingLive } from "../secrets/actions/stage.ts";
import type { Observation } from "../secrets/observation.ts";
import { phaseOf, type Phase } from "../secrets/phase.ts";
import type { Names } from "../secrets/phases/actions.ts";
import { emergencyPlan, planOf, type Plan } from "../secrets/plan.ts";
import { checkRoutes } from "../secrets/pool.ts";
import type { Run } from "../secrets/run.ts";
import type { Session } from "../session.ts";
import { withMissingSecret } from "./missing-secret.ts";
import type { RotateFlags } from "./rotation-flags.ts";

/** Names of the parties that a run would write. */
function namesOf(run: Run, observation: Observation, phase: Phase): Names {
  const live = phase.name === "ASTRAY" ? phase.other : phase.live;
  const holding = live === null ? run.origins : holdingLive(run, observation, live);
  return { origins: run.origins.map(({ name }) => name), holding: holding.map(({ name }) => name) };
}

/** The plan from one observation. */
export function planFrom(
  run: Run,
  observation: Observation,
  flags: Pick<RotateFlags, "init" | "clean" | "emergency">,
): Plan {
  const phase = phaseOf(observation);
  const names = namesOf(run, observation, phase);
  if (flags.emergency) {
    const unseen = observation.origins.filter(({ look }) => !look.ok).map(({ name }) => name);
    const left = run.targets.origins.filter(({ state }) => state === "quarantined").map(({ name }) => name);
    const facts = { ...names, alive: [...unseen, ...left] };
    return emergencyPlan(phase, flags.emergency, facts);
  }
  const intent = flags.init ? "init" : flags.clean ? "clean" : "rotate";
  return planOf(phase, intent, names, run.context.env["GATEWAY_SECRET"] !== undefined);
}

/** What the run refuses before it looks at a phase; null when it would begin. */
async function obstacle(session: Session, flags: RotateFlags): Promise<McpistError | null> {
  const { journal } = session;
  if (journal.heldByAnother && flags.stealLock === undefined && flags.emergency === undefined) {
    const { run = "?" } = journal.tip?.entry ?? {};
    return new McpistError("ERR_LOCKED", `run ${run} holds the lock`, { hint: HINTS.holder(run) });
  }
  if (flags.init || flags.emergency) return null;
  try {
    await checkRoutes(session.targets.worker, session.environment.origins);
    return null;
  } catch (error) {
    if (error instanceof McpistError && error.exitCode === EXIT.refused) return error;
    throw error;
  }
}

/** @returns 0 when the run would finish by itself, else the exit code with which it would stop. */
export async function dryRun(context: Context, session: Session, flags: RotateFlags): Promise<ExitCode> {
  const progress = new Progress(context, flags);
  const run = session.run(progress);
  const observation = await run.observe();
  const phase = phaseOf(observation);
  const refused = await obstacle(session, flags);
  const { actions, stops: stopped }: Plan = refused
    ? { actions: [], stops: refused }
    : planFrom(run, observation, flags);
  const stops = (await withMissingSecret(session, stopped, () => Promise.resolve(observation))) as McpistError | null;
  const exitCode = stops?.exitCode ?? EXIT.done;
  await progress.end();
  if (flags.json) {
    printJson(context, {
      command: "secrets rotate",
      environment: session.name,
      dryRun: true,
      ok: stops === null,
      exitCode,
      phase: phase.name,
      live: phase.live,
      other: phase.other,
      steps: actions.flatMap(({ steps }) => steps),
      actions,
      ...errorField(context, stops),
    });
    return exitCode;
  }
  const other = phase.other ? `, other ${phase.other}` : "";
  const lines = actions.flatMap(({ says, steps }, i) => [
    `  ${String(i + 1).padStart(2)}. ${says}`,
    ...steps.map((step) => `        ${step}`),
  ]);
  const intro =
    actions.length > 0 ? "The run would:" : stops ? "The run would stop at once:" : "The run would find nothing to do.";
  const end = stops
    ? [fitted(context, `  stop: ${stops.message}`), `        ${stops.advice ? hintText(context, stops.advice) : ""}`]
    : [];
  context.stdout.write(
    `${[fitted(context, [`phase ${phase.name}, live ${phase.live ?? "none"}${other}; nothing was written. ${intro}`, ...lines].join("\n")), ...end].join("\n")}\n`,
  );
  return exitCode;
}

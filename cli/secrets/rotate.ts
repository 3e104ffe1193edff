/**
 * `secrets rotate` as a loop: observe, compute the phase, decide, do that one action, observe again. There is no recovery code:
 * a run that finds an unfinished rotation meets the same phases as one that began it.
 */
import { SLOT_VARIABLES, tombstone, type SlotName } from "../../contract/gateway-secret.ts";
import { acceptedKids } from "../../contract/slots.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { holdersOf, type Observation } from "./observation.ts";
import { overwritten } from "./overwritten.ts";
import { phaseOf, type Phase } from "./phase.ts";
import { ACTIONS } from "./phases/actions.ts";
import { decide, type ActionName, type Intent, type Memory } from "./phases/decide.ts";
import { PHASES } from "./phases/table.ts";
import { Moved, VERIFY_TIMEOUT_MS, type Run } from "./run.ts";

/** After the switch a fault is waited out before the run gives up (exit 5). Unit: milliseconds. */
const PATIENCE_MS = 3 * 60_000;
const RETRY_MS = 5000;
const PASSING: ReadonlySet<string> = new Set(["ERR_UNREACHABLE", "ERR_VENDOR", "ERR_RATE_LIMITED", "ERR_TIMEOUT"]);
/** More actions than any rotation has; a loop that does not end is a bug, not a reason to go on writing. */
const MAX_ACTIONS = 64;
/** Actions after which a rollout has to become complete everywhere. */
const ROLLS: ReadonlySet<ActionName> = new Set(["stage", "wait", "retire"]);

/** What one run of the loop remembers. */
interface Loop {
  readonly run: Run;
  readonly intent: Intent;
  /** An earlier run's work was found: finish it and start nothing new. */
  resumed: boolean;
  /** Own monotonic time by which the present rollout must be complete. */
  verifyBy: number | null;
  /** Own monotonic time until which faults after the switch are waited out; null = none under way. */
  patientUntil: number | null;
  /** Own monotonic time since when a slot is somebody else's, while nothing but it is waited for; null = none is. */
  overwrittenSince: number | null;
  /** What the run waits for between two looks; null = it does not wait. */
  waiting: string | null;
}

/** Runs until the installation is steady on one secret. @throws {McpistError} when it must stop; a re-run continues. */
export async function rotate(run: Run, intent: Intent): Promise<Phase> {
  const loop: Loop = {
    run,
    intent,
    resumed: false,
    verifyBy: null,
    patientUntil: null,
    overwrittenSince: null,
    waiting: null,
  };
  for (let actions = 0, first = true; ; first = false) {
    try {
      const observation = await run.waits(
        () => loop.waiting,
        () => run.observe(),
      );
      const phase = phaseOf(observation);
      if (first) begin(loop, phase);
      const decision = decide(phase, intent, memoryOf(loop, phase));
      if (decision.kind === "done") return phase;
      if (decision.kind === "stop") throw decision.error;
      const waits = loop.verifyBy !== null && ROLLS.has(decision.action);
      if (!waits && ++actions > MAX_ACTIONS) {
        throw new McpistError("ERR_PARTIAL", `the rotation does not settle (phase ${phase.name})`, {
          hint: HINTS.again(),
        });
      }
      notInVain(loop, decision.action, observation);
      await perform(loop, decision.action, observation, phase);
      // Nothing answers yet, so there is nothing to look at.
      if (decision.action === "initialise") return phase;
      loop.patientUntil = null;
    } catch (error) {
      await waitOut(loop, error);
    }
  }
}

function begin(loop: Loop, phase: Phase): void {
  const { run } = loop;
  run.journal.note("observed", { phase: phase.name });
  loop.resumed = PHASES[phase.name].unfinished;
  if (loop.resumed) run.report.note(`found an unfinished rotation (${phase.name}): finishing it`);
}

function memoryOf({ run, resumed }: Loop, phase: Phase): Memory {
  const { candidate } = run;
  return {
    candidate: candidate === null ? "none" : candidate.secret.wiped ? "wiped" : "held",
    mine: candidate !== null && phase.other === candidate.secret.kid,
    resumed,
    switched: run.switched,
    retired: run.retiredKid !== null,
    initialised: run.initialised,
    putBacks: run.putBacks,
    adopts: run.context.env["GATEWAY_SECRET"] !== undefined,
  };
}

async function perform(loop: Loop, action: ActionName, observation: Observation, phase: Phase): Promise<void> {
  const { run } = loop;
  run.actions.push(action);
  loop.waiting = waited(run, action, observation, phase);
  await run.waits(
    () => loop.waiting,
    () => ACTIONS[action].run(run, observation, phase),
  );
  if (action === "switch") loop.verifyBy = null;
  if (!ROLLS.has(action)) return;
  // Starts or checks the clock of a rollout.
  const now = run.context.monotonic();
  loop.verifyBy ??= now + VERIFY_TIMEOUT_MS;
  if (now > loop.verifyBy) throw slow(phase);
}

/** A slot is somebody else's for so long before the run gives up: lists lag. Unit: milliseconds. */
const OVERWRITTEN_MS = 5000;

/** @throws {McpistError} ERR_MISMATCH when the run only waits, for what somebody else's write keeps from ever coming. */
function notInVain(loop: Loop, action: ActionName, observation: Observation): void {
  const { run } = loop;
  const awaited = awaitedSlot(run, action);
  const parties = awaited === null ? [] : overwritten(observation, awaited.slot, awaited.text);
  const now = run.context.monotonic();
  loop.overwrittenSince = parties.length === 0 ? null : (loop.overwrittenSince ?? now);
  if (awaited === null || now - (loop.overwrittenSince ?? now) < OVERWRITTEN_MS) return;
  throw new McpistError(
    "ERR_MISMATCH",
    `${SLOT_VARIABLES[awaited.slot]} at ${parties.join(", ")} is not what this run wrote and rolled out: somebody else wrote it since, or the ` +
      "platform did not take it. What the run waits for never comes",
    { hint: HINTS.again() },
  );
}

/** The slot that everybody has to hold by now, as they report it; null = the run does not only wait. */
function awaitedSlot(run: Run, action: ActionName): { readonly slot: SlotName; readonly text: string } | null {
  const { candidate, retiredKid, result } = run;
  if (action !== "wait" && action !== "retire") return null;
  if (retiredKid !== null) return result.from && { slot: result.from.slot, text: tombstone(retiredKid) };
  return action === "wait" && candidate ? { slot: candidate.slot, text: candidate.secret.kid } : null;
}

/** For whom a run waits whose next action only waits; null = it does something. */
function waited(run: Run, action: ActionName, { origins }: Observation, phase: Phase): string | null {
  const kid = phase.other ?? "the new secret";
  if (action === "wait") return `${phase.parties.join(", ") || "every party"}: to accept ${kid}`;
  if (action !== "retire" || run.retiredKid !== phase.other) return null;
  const late = origins.flatMap(holdersOf).filter((holder) => acceptedKids(holder.kids).includes(kid));
  return `${late.map(({ party }) => party).join(", ") || "every party"}: to refuse ${kid}`;
}

/** After the switch a fault is waited out; the tool never switches back by itself. Before it, any error aborts. */
async function waitOut(loop: Loop, error: unknown): Promise<void> {
  const { run } = loop;
  if (error instanceof Moved) {
    run.report.note("somebody deployed the Worker meanwhile: observing again");
    return;
  }
  const passing =
    error instanceof McpistError && (PASSING.has(error.code) || error.message.startsWith("cannot observe"));
  if (!run.switched || !passing || run.context.signal.aborted) throw error;
  const now = run.context.monotonic();
  loop.patientUntil ??= now + PATIENCE_MS;
  if (now > loop.patientUntil) throw error;
  run.report.note(`${error.message}; trying again`);
  const left = () => Math.ceil(((loop.patientUntil ?? now) - run.context.monotonic()) / 1000);
  await run.waits(
    () => `${error.message}: trying again for ${left()} s`,
    () => run.context.sleep(RETRY_MS),
  );
}

const slow = (phase: Phase): McpistError =>
  new McpistError(
    "ERR_TIMEOUT",
    `the rollout is not complete everywhere after ${VERIFY_TIMEOUT_MS / 60_000} min (${phase.parties.join(", ") || phase.name})`,
    { hint: HINTS.platform() },
  );

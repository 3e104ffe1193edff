/**
 * `secrets rotate` as a loop: observe, compute the phase, do its one action, observe again. There is no recovery code:
 * a run that finds an unfinished rotation meets the same phases as one that began it.
 */
import { McpistError } from "../errors.ts";
import { retire, prove } from "./actions/retire.ts";
import { clear, initialise, resetUpload, stage, upload } from "./actions/stage.ts";
import { drain, probeUploaded, switchOver, unsplit } from "./actions/switch.ts";
import { phaseOf, type Observation, type Phase, type PhaseName } from "./phase.ts";
import { refusal } from "./refusal.ts";
import { Moved, POLL_MS, VERIFY_TIMEOUT_MS, type Run } from "./run.ts";

/** What the operator asked for. */
export interface RotateOptions {
  readonly init: boolean;
  readonly clean: boolean;
}

/** Rows that need the latest upload to carry the live kid before anything is written or cleared (guard G8). */
const NEEDS_RESET: ReadonlySet<PhaseName> = new Set([
  "LINGERING",
  "DRAINED",
  "RETIRING",
  "ORPHAN",
  "STAGED",
  "STAGING",
  "RETIRED",
  "STEADY",
]);
/** Found at the start, these mean that an earlier run left something to finish. */
const UNFINISHED: ReadonlySet<PhaseName> = new Set([
  "SPLIT",
  "LINGERING",
  "DRAINED",
  "RETIRING",
  "PROBED",
  "UPLOADED",
  "RETIRED",
]);
/** After the switch a fault is waited out before the run gives up (exit 5). Unit: milliseconds. */
const PATIENCE_MS = 3 * 60_000;
const RETRY_MS = 5000;
const PASSING: ReadonlySet<string> = new Set(["ERR_UNREACHABLE", "ERR_VENDOR", "ERR_RATE_LIMITED", "ERR_TIMEOUT"]);
/** Phases in which the candidate can be given up: nothing sends it. */
const GIVEN_UP: ReadonlySet<PhaseName> = new Set(["ORPHAN", "STAGED", "STAGING", "UPLOADED", "PROBED"]);
/** More actions than any rotation has; a loop that does not end is a bug, not a reason to go on writing. */
const MAX_ACTIONS = 64;

/** LEGACY's action; given from outside, because it alone reads an old value from the environment. */
export type Adopt = (run: Run, observation: Observation, phase: Phase) => Promise<void>;

/** What one run of the loop remembers. */
interface Loop {
  readonly run: Run;
  readonly options: RotateOptions;
  readonly adopt: Adopt;
  /** An earlier run's work was found: finish it and start nothing new. */
  resumed: boolean;
  /** Own monotonic time by which the present rollout must be complete. */
  verifyBy: number | null;
  /** Own monotonic time until which faults after the switch are waited out; null = none under way. */
  patientUntil: number | null;
}

/** Runs until the installation is steady on one secret. @throws {McpistError} when it must stop; a re-run continues. */
export async function rotate(run: Run, options: RotateOptions, adopt: Adopt): Promise<Phase> {
  const loop: Loop = { run, options, adopt, resumed: false, verifyBy: null, patientUntil: null };
  for (let action = 0, first = true; ; first = false) {
    try {
      const observation = await run.observe();
      const phase = phaseOf(observation);
      if (first) {
        await run.journal.record("observed", { phase: phase.name });
        loop.resumed = UNFINISHED.has(phase.name);
        if (loop.resumed) run.report.note(`found an unfinished rotation (${phase.name}): finishing it`);
      }
      const waits = (phase.name === "STAGING" || phase.name === "RETIRING") && loop.verifyBy !== null;
      if (!waits && ++action > MAX_ACTIONS) {
        throw new McpistError("ERR_PARTIAL", `the rotation does not settle (phase ${phase.name})`, {
          hint: "run the command again",
        });
      }
      const done = await act(loop, observation, phase);
      loop.patientUntil = null;
      if (done) return phase;
    } catch (error) {
      await waitOut(loop, error);
    }
  }
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
  await run.context.sleep(RETRY_MS);
}

/** Does the one action of a phase. @returns true when there is nothing left to do. */
async function act(loop: Loop, observation: Observation, phase: Phase): Promise<boolean> {
  const { run, options } = loop;
  const mine = run.candidate !== null && phase.other === run.candidate.secret.kid;
  // Once this run's own version is uploaded, an instance that is briefly away must not undo the upload.
  const uploaded = mine && run.candidate?.secret.wiped === true;
  if (options.init && phase.name !== "UNSET") {
    throw new McpistError("ERR_PHASE", "this installation has a gateway secret already", {
      hint: "mcpist secrets rotate",
    });
  }
  if (NEEDS_RESET.has(phase.name) && phase.uploadDiffers && !uploaded) {
    await resetUpload(run, observation, phase);
    return false;
  }
  if (options.clean && GIVEN_UP.has(phase.name)) return giveUp(run, observation, phase);
  switch (phase.name) {
    case "UNSET":
      if (!options.init) throw refusal(phase);
      await initialise(run, observation);
      return true;
    case "LEGACY":
      await loop.adopt(run, observation, phase);
      return false;
    case "BLIND":
    case "FORKED":
    case "MISALIGNED":
      throw refusal(phase);
    case "RESURRECTED":
      await bury(run, observation, phase);
      return false;
    case "SPLIT":
      await unsplit(run, observation, phase);
      return false;
    case "LINGERING":
      await drain(run, observation, phase);
      return false;
    case "DRAINED":
    case "RETIRING":
      await retire(run, observation, phase);
      await verifying(loop, phase);
      return false;
    case "PROBED":
      await switchOver(run, observation, phase);
      loop.verifyBy = null;
      return false;
    case "UPLOADED":
      await probeUploaded(run, observation);
      return false;
    case "STAGED":
      if (uploaded) {
        throw new McpistError("ERR_MISMATCH", "somebody else uploaded a Worker version after this run did", {
          hint: "run the command again",
        });
      }
      await (mine ? upload(run, observation, phase) : stageOnce(run, observation, phase));
      return false;
    case "ORPHAN":
    case "STAGING":
      if (run.candidate === null) await stageOnce(run, observation, phase);
      else await run.context.sleep(POLL_MS);
      await verifying(loop, phase);
      return false;
    case "RETIRED":
      await prove(run, observation);
      return false;
    case "STEADY":
      if (run.switched || loop.resumed || options.clean || run.retiredKid !== null) return true;
      if (run.candidate !== null) {
        throw new McpistError("ERR_MISMATCH", "the new secret vanished from every target", {
          hint: "mcpist secrets history",
        });
      }
      await stage(run, observation, phase);
      await verifying(loop, phase);
      return false;
  }
}

/** Starts or checks the clock of a rollout that has to become complete everywhere. */
async function verifying(loop: Loop, phase: Phase): Promise<void> {
  const now = loop.run.context.monotonic();
  loop.verifyBy ??= now + VERIFY_TIMEOUT_MS;
  if (now > loop.verifyBy) throw slow(phase);
}

/** `--clean`: nothing sends the candidate yet, so it can be given up. @returns true when there is nothing to give up. */
async function giveUp(run: Run, observation: Observation, phase: Phase): Promise<boolean> {
  if (phase.other === null) return true;
  if (phase.name === "UPLOADED" || phase.name === "PROBED") await resetUpload(run, observation, phase);
  else await clear(run, observation, phase, phase.other);
  return false;
}

/** RESURRECTED: a dead secret is buried again, unless the Worker sends it: then it is replaced like any other. */
async function bury(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const kid = phase.other ?? "";
  run.report.note(`ALARM: ${kid} was retired and is back at ${phase.parties.join(", ")}`);
  if (kid === phase.live)
    await run.journal.record("resurrected", { kid }, { dead: run.journal.state.dead.filter((dead) => dead !== kid) });
  else if (phase.uploadDiffers) await resetUpload(run, observation, phase);
  else await clear(run, observation, phase, kid);
}

async function stageOnce(run: Run, observation: Observation, phase: Phase): Promise<void> {
  if (run.candidate !== null) {
    throw new McpistError(
      "ERR_MISMATCH",
      `${phase.other ?? "another secret"} appeared in the spare slot: somebody else is writing`,
      {
        hint: "nothing was deleted; mcpist secrets status shows both kids",
      },
    );
  }
  await stage(run, observation, phase);
}

const slow = (phase: Phase): McpistError =>
  new McpistError(
    "ERR_TIMEOUT",
    `the rollout is not complete everywhere after ${VERIFY_TIMEOUT_MS / 60_000} min (${phase.parties.join(", ") || phase.name})`,
    {
      hint: "look at the platform's dashboard, then run the command again: it continues",
    },
  );

/**
 * `secrets rotate` as a loop: observe, compute the phase, do its one action, observe again. There is no recovery code:
 * a run that finds an unfinished rotation meets the same phases as one that began it.
 */
import { McpistError } from "../errors.ts";
import { retire, prove } from "./actions/retire.ts";
import { clear, initialise, resetUpload, stage, upload } from "./actions/stage.ts";
import { drain, probeUploaded, switchOver, unsplit } from "./actions/switch.ts";
import { phaseOf, type Observation, type Phase, type PhaseName } from "./phase.ts";
import { POLL_MS, VERIFY_TIMEOUT_MS, type Run } from "./run.ts";

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
const UNFINISHED: ReadonlySet<PhaseName> = new Set(["SPLIT", "LINGERING", "DRAINED", "RETIRING", "PROBED", "UPLOADED", "RETIRED"]);
/** More actions than any rotation has; a loop that does not end is a bug, not a reason to go on writing. */
const MAX_ACTIONS = 64;

/** Stops with what the phase says and what to do. */
export function refusal(phase: Phase): McpistError {
  const parties = phase.parties.join(", ");
  switch (phase.name) {
    case "UNSET":
      return new McpistError("ERR_PHASE", "no gateway secret exists yet at any target", { hint: "mcpist secrets rotate --init" });
    case "BLIND":
      return new McpistError("ERR_PHASE", `cannot observe ${parties}`, {
        hint: "bring it back, or take it out of the pool on purpose: mcpist origins quarantine NAME",
      });
    case "LEGACY":
      return new McpistError("ERR_PHASE", `${parties} accepts the secret through a lone GATEWAY_SECRET`, {
        hint: "run the rotation in a workflow whose job has the old value as GATEWAY_SECRET in its environment",
        exitCode: 2,
      });
    case "FORKED":
      return new McpistError("ERR_PHASE", `${parties} refuses a secret that the Worker sends`, {
        hint: "mcpist secrets restore NAME, or deploy the newest Worker version whose secret every origin accepts",
      });
    case "MISALIGNED":
      return new McpistError("ERR_PHASE", `the live secret ${phase.live ?? ""} sits in the other slot at ${parties}`, {
        hint: "mcpist secrets restore NAME",
      });
    default:
      return new McpistError("ERR_PHASE", `phase ${phase.name} does not allow this`, { hint: "mcpist secrets status" });
  }
}

/** Runs until the installation is steady on one secret. @throws {McpistError} when it must stop; a re-run continues. */
export async function rotate(
  run: Run,
  options: RotateOptions,
  adopt: (run: Run, observation: Observation, phase: Phase) => Promise<void>,
): Promise<Phase> {
  let resumed = false;
  let verifyBy: number | null = null;
  for (let action = 0, first = true; ; first = false) {
    const observation = await run.observe();
    const phase = phaseOf(observation);
    if (first) {
      await run.journal.record("observed", { phase: phase.name });
      if (UNFINISHED.has(phase.name)) {
        resumed = true;
        run.report.note(`found an unfinished rotation (${phase.name}): finishing it`);
      }
    }
    const waits = (phase.name === "STAGING" || phase.name === "RETIRING") && verifyBy !== null;
    if (!waits && ++action > MAX_ACTIONS)
      throw new McpistError("ERR_PARTIAL", `the rotation does not settle (phase ${phase.name})`, { hint: "run the command again" });
    if (options.init && phase.name !== "UNSET") {
      throw new McpistError("ERR_PHASE", "this installation has a gateway secret already", { hint: "mcpist secrets rotate" });
    }
    const mine = run.candidate !== null && phase.other === run.candidate.secret.kid;
    // Once this run's own version is uploaded, an instance that is briefly away must not undo the upload.
    const uploaded = mine && run.candidate?.secret.wiped === true;
    if (NEEDS_RESET.has(phase.name) && phase.uploadDiffers && !uploaded) {
      await resetUpload(run, observation, phase);
      continue;
    }
    if (options.clean && (phase.name === "STAGED" || phase.name === "STAGING" || phase.name === "ORPHAN")) {
      if (phase.other === null) return phase;
      await clear(run, observation, phase, phase.other);
      continue;
    }
    switch (phase.name) {
      case "UNSET":
        if (!options.init) throw refusal(phase);
        await initialise(run, observation);
        return phase;
      case "LEGACY":
        await adopt(run, observation, phase);
        break;
      case "BLIND":
      case "FORKED":
      case "MISALIGNED":
        throw refusal(phase);
      case "RESURRECTED":
        run.report.note(`ALARM: ${phase.other ?? ""} was retired and is back at ${phase.parties.join(", ")}`);
        if (phase.uploadDiffers) await resetUpload(run, observation, phase);
        else if (phase.other === phase.live) await stage(run, observation, phase);
        else await clear(run, observation, phase, phase.other ?? "");
        break;
      case "SPLIT":
        await unsplit(run, observation, phase);
        break;
      case "LINGERING":
        await drain(run, observation, phase);
        break;
      case "DRAINED":
      case "RETIRING":
        verifyBy ??= run.context.monotonic() + VERIFY_TIMEOUT_MS;
        await retire(run, observation, phase);
        if (run.context.monotonic() > verifyBy) throw slow(phase);
        break;
      case "PROBED":
        await switchOver(run, observation, phase);
        verifyBy = null;
        break;
      case "UPLOADED":
        await probeUploaded(run, observation);
        break;
      case "STAGED":
        if (uploaded)
          throw new McpistError("ERR_MISMATCH", "somebody else uploaded a Worker version after this run did", {
            hint: "run the command again",
          });
        if (mine) await upload(run, observation, phase);
        else await stageOnce(run, observation, phase);
        break;
      case "ORPHAN":
      case "STAGING":
        if (run.candidate === null) {
          await stageOnce(run, observation, phase);
          verifyBy = run.context.monotonic() + VERIFY_TIMEOUT_MS;
          break;
        }
        verifyBy ??= run.context.monotonic() + VERIFY_TIMEOUT_MS;
        if (run.context.monotonic() > verifyBy) throw slow(phase);
        await run.context.sleep(POLL_MS);
        break;
      case "RETIRED":
        await prove(run, observation);
        break;
      case "STEADY":
        if (run.switched || resumed || options.clean || run.retiredKid !== null) return phase;
        if (run.candidate !== null)
          throw new McpistError("ERR_MISMATCH", "the new secret vanished from every target", { hint: "mcpist secrets history" });
        await stage(run, observation, phase);
        verifyBy = run.context.monotonic() + VERIFY_TIMEOUT_MS;
        break;
    }
  }
}

async function stageOnce(run: Run, observation: Observation, phase: Phase): Promise<void> {
  if (run.candidate !== null) {
    throw new McpistError("ERR_MISMATCH", `${phase.other ?? "another secret"} appeared in the spare slot: somebody else is writing`, {
      hint: "nothing was deleted; mcpist secrets status shows both kids",
    });
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

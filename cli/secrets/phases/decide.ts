/**
 * What a run does next: a pure function of the phase, of what the operator asked for and of what the run remembers. The run obeys
 * it and the plan of `--dry-run` asks it again and again, so that the two cannot differ.
 */
import { McpistError } from "../../errors.ts";
import type { Hint } from "../../hints/hint.ts";
import { HINTS } from "../../hints/hints.ts";
import type { Phase, PhaseName } from "../phase.ts";
import { PHASES, refusal } from "./table.ts";

/** What the operator asked for. */
export type Intent = "rotate" | "init" | "clean";

/** What a run can do. */
export type ActionName =
  | "initialise"
  | "adopt"
  | "rearm"
  | "resurrect"
  | "putBack"
  | "unsplit"
  | "reset"
  | "stage"
  | "wait"
  | "upload"
  | "remake"
  | "probe"
  | "switch"
  | "drain"
  | "retire"
  | "prove"
  | "clear";

/** What a run remembers of itself. */
export interface Memory {
  /** This run's candidate: none yet, its value at hand, or forgotten after the upload. */
  readonly candidate: "none" | "held" | "wiped";
  /** The phase's other kid is that candidate. */
  readonly mine: boolean;
  /** An earlier run's work was found. */
  readonly resumed: boolean;
  /** The sender was changed by this run. */
  readonly switched: boolean;
  /** Tombstones were written by this run. */
  readonly retired: boolean;
  /** The first secret was made by this run. */
  readonly initialised: boolean;
  /** Lost deploys that this run has put back. */
  readonly putBacks: number;
  /** The job has the value of a lone GATEWAY_SECRET. */
  readonly adopts: boolean;
}

/** The memory of a run that has done nothing yet. */
export const FRESH: Memory = {
  candidate: "none",
  mine: false,
  resumed: false,
  switched: false,
  retired: false,
  initialised: false,
  putBacks: 0,
  adopts: false,
};

/** What to do. */
export type Decision =
  | { readonly kind: "do"; readonly action: ActionName }
  | { readonly kind: "done" }
  | { readonly kind: "stop"; readonly error: McpistError };

/** Somebody who deploys all the time is not outrun; the operator is told. */
const PUT_BACKS = 3;

const DONE: Decision = { kind: "done" };
const does = (action: ActionName): Decision => ({ kind: "do", action });
const stop = (error: McpistError): Decision => ({ kind: "stop", error });
const mismatch = (message: string, hint: Hint): Decision => stop(new McpistError("ERR_MISMATCH", message, { hint }));

/** Phases with one action, whatever else is known. */
const ALWAYS: Partial<Record<PhaseName, ActionName>> = {
  RESURRECTED: "resurrect",
  SPLIT: "unsplit",
  LINGERING: "drain",
  DRAINED: "retire",
  RETIRING: "retire",
  OUTDATED: "remake",
  PROBED: "switch",
  UPLOADED: "probe",
  RETIRED: "prove",
};

/** The next step from `phase`. Pure. */
export function decide(phase: Phase, intent: Intent, memory: Memory): Decision {
  const { name } = phase;
  if (intent === "init") {
    if (memory.initialised) return DONE;
    if (name === "UNSET") return does("initialise");
    const error = new McpistError("ERR_PHASE", "this installation has a gateway secret already", {
      hint: HINTS.rotate(),
    });
    return stop(error);
  }
  const row = PHASES[name];
  // Once this run's own version is uploaded, an instance that is briefly away must not undo the upload.
  const uploaded = memory.mine && memory.candidate === "wiped";
  if (row.resets && phase.uploadDiffers && !uploaded) return does("reset");
  if (intent === "clean" && row.givenUp) {
    if (phase.other === null) return DONE;
    return does(phase.uploadDiffers ? "reset" : "clear");
  }
  const always = ALWAYS[name];
  if (always !== undefined) return does(always);
  switch (name) {
    case "LEGACY":
      return memory.adopts ? does("adopt") : stop(refusal(phase));
    case "ASTRAY":
      return phase.versions.length > 0 ? does("rearm") : stop(refusal(phase));
    case "UNDONE":
      return memory.putBacks < PUT_BACKS ? does("putBack") : stop(overtaken(phase));
    case "STAGED":
      if (!memory.mine) return staging(phase, memory);
      if (memory.candidate === "held") return does("upload");
      return mismatch("the Worker version that this run uploaded is gone", HINTS.again());
    case "ORPHAN":
    case "STAGING":
      return does(memory.candidate === "none" ? "stage" : "wait");
    case "UNBACKED":
      if (intent === "clean") return DONE;
      if (memory.candidate === "none") return does("stage");
      return mismatch("what GitHub holds was changed by somebody else during the run", HINTS.again());
    case "STEADY":
      if (memory.switched || memory.resumed || intent === "clean" || memory.retired) return DONE;
      if (memory.candidate === "none") return does("stage");
      return mismatch("the new secret vanished from every target", HINTS.history());
    default:
      return stop(refusal(phase));
  }
}

function staging(phase: Phase, memory: Memory): Decision {
  if (memory.candidate === "none") return does("stage");
  return mismatch(
    `${phase.other ?? "another secret"} appeared in the spare slot: somebody else is writing`,
    HINTS.status(),
  );
}

const overtaken = (phase: Phase): McpistError =>
  new McpistError(
    "ERR_PARTIAL",
    `somebody else keeps deploying: version ${phase.versions[0] ?? "?"} was replaced by ${phase.versions[1] ?? "?"} again, after its code had been put back ${PUT_BACKS} times`,
    { hint: HINTS.deploysEnd() },
  );

/** What each action is called, which steps it reports, where it leads and how it is done. The plan and the run read the same entries. */
import { adopt } from "../actions/adopt.ts";
import { putBack, rearm, remake } from "../actions/code.ts";
import { prove, retire } from "../actions/retire.ts";
import { clear, initialise, resetUpload, stage, upload } from "../actions/stage.ts";
import { drain, probeUploaded, switchOver, unsplit } from "../actions/switch.ts";
import type { Observation } from "../observation.ts";
import type { Phase, PhaseName } from "../phase.ts";
import { POLL_MS, type Run } from "../run.ts";
import type { ActionName, Memory } from "./decide.ts";

/** Names that the steps are made of. */
export interface Names {
  /** Origins that are written. */
  readonly origins: readonly string[];
  /** Those of them whose slots are tombstoned. */
  readonly holding: readonly string[];
}

/** One action. */
export interface Action {
  /** What it does, for the plan and the pages. */
  readonly says: string;
  /** Exactly the steps that a run reports while it does it. */
  steps(phase: Phase, names: Names): readonly string[];
  /** The phase that is seen next when nothing else happens. */
  leads(phase: Phase): Phase;
  /** What the run remembers afterwards. */
  remembers?(memory: Memory): Memory;
  run(run: Run, observation: Observation, phase: Phase): Promise<void>;
}

/** Kid of a secret that a plan cannot know yet. */
export const NEW_KID = "(new)";

const to = (phase: Phase, name: PhaseName, change: Partial<Phase> = {}): Phase => {
  const { under: _under, ...rest } = phase;
  return { ...rest, name, parties: [], targets: [], versions: [], ...change };
};
const each = (names: readonly string[], text: (name: string) => string) => names.map(text);

/** All actions. */
export const ACTIONS: Readonly<Record<ActionName, Action>> = {
  initialise: {
    says: "make the first secret: slot A everywhere, a zero tombstone in B, a Worker version that sends it",
    steps: (_, { origins }) => [
      "write GitHub",
      ...each(origins, (name) => `write ${name}`),
      "upload the Worker version",
      "deploy the Worker version",
    ],
    leads: (phase) => to(phase, "STEADY", { live: NEW_KID, uploadDiffers: false }),
    remembers: (memory) => ({ ...memory, initialised: true }),
    run: (run, observation) => initialise(run, observation),
  },
  adopt: {
    says: "move the live value from the lone GATEWAY_SECRET to slot A everywhere",
    steps: (_, { origins }) => ["adopt at GitHub", ...each(origins, (name) => `adopt at ${name} and roll out`)],
    leads: (phase) => to(phase, "STEADY"),
    run: (run, observation, phase) => adopt(run, observation, phase),
  },
  rearm: {
    says: "upload the deployed code with the secret that every origin accepts, and deploy it",
    steps: () => ["give the deployed code the secret that is accepted"],
    leads: (phase) => phase.under ?? to(phase, "STEADY", { live: phase.other, other: null, uploadDiffers: false }),
    run: (run, observation, phase) => rearm(run, observation, phase),
  },
  resurrect: {
    says: "tombstone the retired secret again; where the Worker sends it, treat it as live and replace it",
    steps: (phase, { holding }) =>
      phase.other === phase.live
        ? []
        : phase.uploadDiffers
          ? ["reset the latest Worker version"]
          : ["clear GitHub", ...each(holding, (name) => `clear ${name} and roll out`)],
    leads: (phase) =>
      phase.other !== phase.live && phase.uploadDiffers
        ? { ...phase, uploadDiffers: false }
        : to(phase, "STEADY", { other: null }),
    run: (run, observation, phase) => bury(run, observation, phase),
  },
  putBack: {
    says: "upload the code of the deploy that got lost with the live secret, and deploy it",
    steps: () => ["put back the deploy that got lost"],
    leads: ({ under, ...phase }) => ({ ...(under ?? to(phase, "STEADY")), uploadDiffers: false }),
    remembers: (memory) => ({ ...memory, putBacks: memory.putBacks + 1 }),
    run: (run, observation, phase) => putBack(run, observation, phase),
  },
  unsplit: {
    says: "end the split: all traffic to the version whose secret every origin accepts",
    steps: () => ["end the split"],
    leads: (phase) => phase.under ?? to(phase, "STEADY"),
    run: (run, observation, phase) => unsplit(run, observation, phase),
  },
  reset: {
    says: "upload the deployed code again, so that the latest upload carries the live secret",
    steps: () => ["reset the latest Worker version"],
    leads: (phase) => ({ ...phase, uploadDiffers: false }),
    run: (run, observation, phase) => resetUpload(run, observation, phase),
  },
  stage: {
    says: "generate a secret, write it to the spare slot everywhere and roll out every instance",
    steps: (_, { origins }) => ["write GitHub", ...each(origins, (name) => `write ${name} and roll out`)],
    leads: (phase) => to(phase, "STAGED", { other: NEW_KID, complete: true }),
    remembers: (memory) => ({ ...memory, candidate: "held" }),
    run: (run, observation, phase) => stage(run, observation, phase),
  },
  wait: {
    says: "wait until every instance and every configuration accepts it",
    steps: () => [],
    leads: (phase) => to(phase, "STAGED", { complete: true }),
    run: (run) => run.context.sleep(POLL_MS),
  },
  upload: {
    says: "upload a Worker version that carries it (wrangler, value on stdin); deploy nothing",
    steps: () => ["upload the Worker version"],
    leads: (phase) => to(phase, "UPLOADED", { uploadDiffers: true }),
    remembers: (memory) => ({ ...memory, candidate: "wiped" }),
    run: (run, observation, phase) => upload(run, observation, phase),
  },
  remake: {
    says: "upload the deployed code with the new secret, taken from the version that carries it",
    steps: () => ["upload the deployed code with the new secret"],
    leads: (phase) => to(phase, "UPLOADED", { uploadDiffers: true }),
    run: (run, observation, phase) => remake(run, observation, phase),
  },
  probe: {
    says: "deploy the new version at 0 % and let both versions ask every origin",
    steps: () => ["probe the new version at 0 %"],
    leads: (phase) => to(phase, "PROBED"),
    run: (run, observation, phase) => probeUploaded(run, observation, phase),
  },
  switch: {
    says: "switch the Worker to the new version",
    steps: () => ["switch the Worker"],
    leads: (phase) => to(phase, "LINGERING", { live: phase.other, other: phase.live, uploadDiffers: false }),
    remembers: (memory) => ({ ...memory, switched: true }),
    run: (run, observation, phase) => switchOver(run, observation, phase),
  },
  drain: {
    says: "set GATEWAY_SECRET_LIVE; wait until no instance has accepted the old secret for the quiet time",
    steps: (phase) => ["set GATEWAY_SECRET_LIVE", `drain ${phase.other ?? ""}`],
    leads: (phase) => to(phase, phase.complete ? "DRAINED" : "RETIRING"),
    run: (run, observation, phase) => drain(run, observation, phase),
  },
  retire: {
    says: "point of no return: a tombstone over the old secret everywhere; roll out every instance",
    steps: (_, { holding }) => ["retire at GitHub", ...each(holding, (name) => `retire at ${name} and roll out`)],
    leads: (phase) => to(phase, "RETIRED", { other: null, complete: false }),
    remembers: (memory) => ({ ...memory, retired: true }),
    run: (run, observation, phase) => retire(run, observation, phase),
  },
  prove: {
    says: "deploy the old Worker version at 0 % and let it ask every origin: each must refuse",
    steps: () => ["prove that the old secret is dead"],
    leads: (phase) => to(phase, "STEADY"),
    run: (run, observation) => prove(run, observation),
  },
  clear: {
    says: "tombstone the unfinished candidate everywhere",
    steps: (_, { holding }) => ["clear GitHub", ...each(holding, (name) => `clear ${name} and roll out`)],
    leads: (phase) => to(phase, "STEADY", { other: null, complete: false }),
    run: async (run, observation, phase) => clear(run, observation, phase, phase.other ?? ""),
  },
};

/** A dead secret is buried again, unless the Worker sends it: then it is replaced like any other. */
async function bury(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const kid = phase.other ?? "";
  run.report.note(`ALARM: ${kid} was retired and is back at ${phase.parties.join(", ")}`);
  if (kid === phase.live)
    await run.journal.record("resurrected", { kid }, { dead: run.journal.state.dead.filter((dead) => dead !== kid) });
  else if (phase.uploadDiffers) await resetUpload(run, observation, phase);
  else await clear(run, observation, phase, kid);
}

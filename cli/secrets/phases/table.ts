/**
 * The one table of phases: what each means, what it needs, and what is said where a run may not go on. `rotate`, `--dry-run`,
 * `status`, `verify` and docs/runbooks/rotation.md read it; what is done is decided in decide.ts, from the same names.
 */
import { McpistError } from "../../errors.ts";
import type { Hint } from "../../hints/hint.ts";
import { HINTS } from "../../hints/hints.ts";
import type { Phase, PhaseName } from "../phase.ts";

/** One row. Texts are Markdown without links; the runbook prints them. */
export interface Row {
  /** What was found. */
  readonly meaning: string;
  /** What the next action needs beside the platforms: nothing, a new secret, or values that only a workflow job has. */
  readonly needs: "nothing" | "a new secret" | "the job's values" | "a person";
  /** The latest upload has to carry the live secret before anything is written or cleared (guard G8). */
  readonly resets: boolean;
  /** Found at the start, it is the work of an earlier run: finish it and begin nothing new. */
  readonly unfinished: boolean;
  /** The candidate can be given up: nothing sends it. */
  readonly givenUp: boolean;
  /** For people, in the runbook. */
  readonly advice: string;
}

const row = (meaning: string, needs: Row["needs"], advice: string, traits: Partial<Row> = {}): Row => ({
  meaning,
  needs,
  advice,
  resets: false,
  unfinished: false,
  givenUp: false,
  ...traits,
});
const RESETS = { resets: true } as const;
const UNFINISHED = { unfinished: true } as const;

/** All rows, in the order in which they are tried. */
export const PHASES: Readonly<Record<PhaseName, Row>> = {
  UNSET: row("nothing has a secret, or only slots that nothing uses yet", "a new secret", "`rotate --init`"),
  BLIND: row(
    "a party does not answer, or no instance is there",
    "a person",
    "bring it back, or `mcpist origins quarantine NAME` on purpose",
  ),
  ASTRAY: row(
    "every origin agrees on a secret, and the Worker sends none or another one: all traffic is refused",
    "nothing",
    "`restore worker`, or `rotate`: the deployed code gets the secret that the origins accept",
    UNFINISHED,
  ),
  LEGACY: row(
    "an installation with one lone `GATEWAY_SECRET`",
    "the job's values",
    "run the workflow `rotate` in mode `adopt` once, then delete that secret at GitHub",
  ),
  FORKED: row("an origin in the pool refuses what the Worker sends", "the job's values", "`restore` that origin"),
  LOST: row(
    "the live secret is gone from a configuration: deleted or overwritten. The next start of an instance would refuse all traffic, so nothing is rolled out before it is back",
    "the job's values",
    "`restore` that origin; if GitHub lost it too, `mcpist origins quarantine NAME`, then `rotate`",
  ),
  RESURRECTED: row(
    "a secret that was dead is accepted again",
    "a new secret",
    "somebody wrote an old value back. Find the writer, then `rotate`",
  ),
  MISALIGNED: row("the same secret is in slot A here and in slot B there", "the job's values", "`restore` that party"),
  CANARY: row(
    "two Worker versions share the traffic. A deployment holds two, so there is no room for a probe",
    "a person",
    "give one of them all traffic, then `rotate`",
  ),
  UNDONE: row(
    "a deploy of somebody else was answered, and a write of this tool replaced it unseen",
    "nothing",
    "`rotate` puts its code back, with the secret that is live",
    UNFINISHED,
  ),
  SPLIT: row("two Worker versions with different secrets get traffic", "nothing", "`rotate`", UNFINISHED),
  LINGERING: row(
    "the new secret is in use, the old one still works",
    "nothing",
    "`rotate` finishes, `rollback` steps back",
    { resets: true, unfinished: true },
  ),
  DRAINED: row(
    "nobody has used the old secret for the quiet time",
    "nothing",
    "`rotate` finishes, `rollback` steps back",
    { resets: true, unfinished: true },
  ),
  RETIRING: row("the old secret is being ended", "nothing", "`rotate`; there is no way back but forward", {
    resets: true,
    unfinished: true,
  }),
  ORPHAN: row("a candidate was left for more than a day", "a new secret", "`rotate --clean`", {
    resets: true,
    givenUp: true,
  }),
  OUTDATED: row(
    "a new secret waits in an uploaded Worker version whose code is not the deployed one",
    "nothing",
    "`rotate` uploads the deployed code with it, `rotate --clean` gives it up",
    { unfinished: true, givenUp: true },
  ),
  PROBED: row(
    "every origin accepted the new secret from the new Worker version at 0 %",
    "nothing",
    "`rotate` switches",
    {
      unfinished: true,
      givenUp: true,
    },
  ),
  UPLOADED: row(
    "a new secret is accepted everywhere and waits in an uploaded Worker version",
    "nothing",
    "`rotate` finishes, `rotate --clean` gives it up",
    { unfinished: true, givenUp: true },
  ),
  STAGED: row(
    "a new secret is accepted everywhere, and no Worker version carries it",
    "a new secret",
    "`rotate` makes another one, `rotate --clean` gives it up",
    { resets: true, givenUp: true },
  ),
  STAGING: row(
    "a spare slot does not hold the same everywhere",
    "a new secret",
    "`rotate` makes another one, `rotate --clean` gives it up",
    { resets: true, givenUp: true },
  ),
  UNBACKED: row(
    "one secret, and GitHub is not known to hold it: nothing could be restored from there. Its copy cannot be read back",
    "a new secret",
    "`rotate`: a new secret everywhere",
    RESETS,
  ),
  RETIRED: row("only the new secret is left, the proof is missing", "nothing", "`rotate`", {
    resets: true,
    unfinished: true,
  }),
  STEADY: row("one secret, known dead ones", "a new secret", "nothing", RESETS),
};

/** What a run says when the observed phase allows nothing to be done. */
export function refusal(phase: Phase): McpistError {
  const parties = phase.parties.join(", ");
  const stop = (message: string, hint: Hint, exitCode?: 2 | 5) =>
    new McpistError("ERR_PHASE", message, { hint, ...(exitCode === undefined ? {} : { exitCode }) });
  switch (phase.name) {
    case "UNSET":
      return parties === ""
        ? stop("no gateway secret exists yet at any target", HINTS.init())
        : stop(
            `nothing uses a gateway secret yet; what ${parties} holds was written by no run that ended`,
            HINTS.init(),
          );
    case "BLIND": {
      const name = phase.targets.find((target) => target !== "worker");
      return stop(`cannot observe ${parties}`, name === undefined ? HINTS.askDoctor() : HINTS.bringBack(name));
    }
    case "ASTRAY":
      return stop(
        `${parties}, and every origin accepts ${phase.other ?? "another one"}; no uploaded version carries that`,
        HINTS.restoreWorker(),
      );
    case "LEGACY":
      return stop(`${parties} accepts the secret through a lone GATEWAY_SECRET`, HINTS.adopt(), 2);
    case "FORKED":
      return stop(`${parties} refuses a secret that the Worker sends`, restoring(phase));
    case "LOST":
      return stop(
        `the live secret ${phase.live ?? ""} is gone from ${parties}: a rollout would refuse all traffic there`,
        restoring(phase),
      );
    case "MISALIGNED":
      return stop(`the live secret ${phase.live ?? ""} sits in the other slot at ${parties}`, restoring(phase));
    case "CANARY":
      return stop(
        `two Worker versions share the traffic (${parties}), so there is no room for a probe; nothing was written`,
        HINTS.endCanary(phase.versions),
      );
    default:
      return stop(`phase ${phase.name} does not allow this`, HINTS.status());
  }
}

/** How an emergency ends where the leaked secret is not known to be dead. */
export const notDead = (leaked: string, origins: readonly string[]): McpistError =>
  new McpistError("ERR_NOT_DEAD", `${leaked} may still be accepted at ${origins.join(", ")}`, {
    hint: HINTS.cutOff(origins),
  });

/** What an unfinished emergency kills is not to be filled in again. */
const restoring = (phase: Phase): Hint =>
  phase.emergency !== undefined
    ? HINTS.emergencyAgain(phase.emergency)
    : phase.targets.includes("github")
      ? HINTS.rotateAnew()
      : HINTS.restore(phase.targets[0] ?? "NAME");

/** The next step from a phase, for `status` and `verify`; null in STEADY, where only drift decides. */
export function nextHint(phase: Phase): Hint | null {
  const [target] = phase.targets;
  if (phase.emergency !== undefined && phase.name !== "UNSET" && phase.name !== "BLIND")
    return HINTS.emergencyAgain(phase.emergency);
  switch (phase.name) {
    case "UNSET":
      return HINTS.init();
    case "STEADY":
      return null;
    case "BLIND":
      return target === undefined || target === "worker" ? HINTS.askDoctor() : HINTS.bringBack(target);
    case "ASTRAY": {
      const [version] = phase.versions;
      return version === undefined ? HINTS.restoreWorker() : HINTS.rearm(version);
    }
    case "FORKED":
    case "LOST":
    case "MISALIGNED":
      return restoring(phase);
    case "CANARY":
      return HINTS.endCanary(phase.versions);
    case "ORPHAN":
      return HINTS.clean();
    case "RESURRECTED":
    case "UNBACKED":
      return HINTS.rotateAnew();
    case "LEGACY":
      return HINTS.adopt();
    case "STAGED":
    case "STAGING":
      return HINTS.rotateOver();
    default:
      return HINTS.finish();
  }
}

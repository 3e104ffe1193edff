/** What a run would do from a phase, in words. Pure; for `--dry-run`. */
import type { Phase } from "./phase.ts";

/** What the operator asked for, as far as the plan depends on it. */
export interface PlanOptions {
  readonly init: boolean;
  readonly clean: boolean;
  readonly emergency?: "fast" | "now";
  /** Names of the origins that are written. */
  readonly origins: readonly string[];
}

/** Steps in order. Steps that run beside each other are one line. */
export function planOf(phase: Phase, options: PlanOptions): readonly string[] {
  const origins = options.origins.join(", ");
  const retire = [
    `write a tombstone over ${phase.other ?? "the old secret"} at ${origins} and GitHub, roll out every instance`,
    "verify every instance, asleep ones too",
  ];
  const prove = ["deploy the old Worker version at 0 % and let it ask every origin: each must refuse"];
  const drain = [
    "set GATEWAY_SECRET_LIVE; drain until no instance has accepted the old secret for the quiet time",
    ...retire,
    ...prove,
  ];
  const change = [
    "deploy the new version at 0 %, send its secret to every origin through it",
    "switch the Worker to the new version",
    ...drain,
  ];
  const fresh = [
    "generate a secret (32 random bytes)",
    `write it to the spare slot of GitHub and of ${origins}, roll out every instance`,
    "verify that every instance and every configuration accepts it",
    "upload a Worker version that carries it (wrangler, value on stdin), deploy nothing",
    ...change,
  ];
  if (phase.uploadDiffers && phase.live !== null && phase.name !== "UPLOADED" && phase.name !== "PROBED")
    fresh.unshift("reset the latest uploaded Worker version to the live secret");
  if (options.emergency === "now") {
    return [
      "generate a secret",
      `write it AND the tombstone of the old one to ${origins}, roll out at once: downtime of one rollout begins`,
      "upload a Worker version, switch as soon as the first origin accepts it",
      "write GitHub",
      ...prove,
    ];
  }
  if (options.emergency === "fast")
    return [
      "generate a secret",
      `write it to GitHub and ${origins}, roll out at once, verify`,
      "upload, probe and switch the Worker",
      "tombstone the old secret at once, without a drain",
      ...prove,
    ];
  switch (phase.name) {
    case "UNSET":
      return options.init
        ? [
            "generate a secret",
            `write slot A and a zero tombstone in B to GitHub and ${origins}`,
            "upload and deploy a Worker version that carries it",
          ]
        : ["stop: there is no gateway secret yet (rotate --init makes the first one)"];
    case "BLIND":
    case "FORKED":
    case "MISALIGNED":
      return [`stop: ${phase.name}, ${phase.parties.join(", ")}`];
    case "LEGACY":
      return ["move the live value from the lone GATEWAY_SECRET to slot A everywhere", ...fresh];
    case "RESURRECTED":
      return [`tombstone ${phase.other ?? "the retired secret"} again, or rotate if the Worker sends it`, ...fresh];
    case "SPLIT":
      return ["end the split: all traffic to the version whose secret every origin accepts", ...drain];
    case "LINGERING":
      return drain;
    case "DRAINED":
    case "RETIRING":
      return [...retire, ...prove];
    case "UPLOADED":
    case "PROBED":
      return change;
    case "RETIRED":
      return prove;
    case "ORPHAN":
    case "STAGED":
    case "STAGING":
      return options.clean ? [`tombstone the unfinished candidate ${phase.other ?? ""} everywhere`] : fresh;
    case "STEADY":
      return options.clean ? ["nothing: there is no unfinished candidate"] : fresh;
  }
}

/** Phases of a rotation, and what stops one. */
import { configFile, hint, mcpist, quoted, say, setState, wrangler } from "./hint.ts";

/** The entries. */
export const ROTATION = {
  again: hint("somebody else", "something changed or got lost meanwhile", () => say`run the command again`),
  status: hint("an origin", "something that an instance did not do", () => say`${mcpist("secrets status")}`),
  verify: hint("an origin", "an instance that changed after the last check", () => say`${mcpist("secrets verify")}`),
  history: hint("somebody else", "a writer that the journal names", () => say`${mcpist("secrets history")}`),
  init: hint("you", "nothing has a secret", () => say`${mcpist("secrets rotate --init")}`),
  rotate: hint("mcpist", "what a rotation puts right", () => say`${mcpist("secrets rotate")}`),
  rotateAnew: hint(
    "somebody else",
    "a dead secret that is accepted again, or a copy at GitHub that is not known",
    () => say`${mcpist("secrets rotate")}   (a new secret everywhere)`,
  ),
  rotateOver: hint(
    "mcpist",
    "a candidate that no Worker version carries",
    () => say`${mcpist("secrets rotate")}   (a new secret over what was begun)`,
  ),
  finish: hint("mcpist", "an unfinished rotation", () => say`${mcpist("secrets rotate")}   (finishes what was begun)`),
  clean: hint("mcpist", "a candidate that was left", () => say`${mcpist("secrets rotate --clean")}`),
  bringBack: hint("an origin", "an origin that does not answer, or has no instance", (name: string) => {
    // Both: the gateway's routes keep traffic away, and the file keeps rotations away.
    const quarantine = mcpist(`origins quarantine ${name}`);
    return say`bring ${name} back, or ${setState(
      name,
      "quarantined",
      say`set its state to "quarantined" in ${configFile} and take it out of the pool on purpose: ${quarantine}`,
      (line) => say`take it out of the pool on purpose: ${line} && ${quarantine}`,
    )}`;
  }),
  askDoctor: hint(
    "the gateway",
    "the gateway cannot be asked what it sends",
    () => say`${mcpist("doctor")}   (the gateway cannot be asked)`,
  ),
  restoreWorker: hint(
    "the gateway",
    "the Worker sends what no origin accepts, and no version carries what they do",
    () => say`${mcpist("secrets restore worker")}   (in a workflow job)`,
  ),
  rearm: hint(
    "the gateway",
    "the Worker sends what no origin accepts",
    (version: string) =>
      say`${mcpist("secrets restore worker")}   (or deploy its version: ${wrangler(`versions deploy ${quoted(version)}@100%`)})`,
  ),
  restore: hint(
    "an origin",
    "an origin that refuses or would lose what the Worker sends",
    (target: string) => say`${mcpist(`secrets restore ${target}`)}   (in a workflow job)`,
  ),
  endCanary: hint(
    "somebody else",
    "two Worker versions share the traffic",
    (versions: readonly string[]) =>
      say`give one of ${versions.join(" and ")} all traffic (${wrangler(`versions deploy ${quoted(versions[0] ?? "ID")}@100% --yes`)}), then run the command again`,
  ),
  adopt: hint(
    "you",
    "an origin with a lone GATEWAY_SECRET",
    () => say`${mcpist("secrets rotate")}   (in a workflow job that has the old value as GATEWAY_SECRET)`,
  ),
  jobValue: hint(
    "you",
    "a job with another value than the one in use",
    () => say`give the job the value that is in use, then run the command again`,
  ),
  cutOff: hint(
    "an origin",
    "a leaked secret that may still be accepted",
    (names: readonly string[]) => say`stop ${names.join(" and ")} or cut its network now, then run the command again`,
  ),
  emergencyAgain: hint(
    "mcpist",
    "an emergency that did not end",
    (mode: "fast" | "now") =>
      say`${mcpist(`secrets rotate --emergency ${mode}${mode === "now" ? " --yes" : ""}`)}   (ends what was begun; a restore would bring back what leaked)`,
  ),
  githubBack: hint(
    "GitHub",
    "GitHub was away in an emergency",
    () => say`run the same command again when GitHub is back`,
  ),
  deploysEnd: hint(
    "somebody else",
    "somebody deploys all the time",
    () => say`wait for the deploys to end, then run the command again: it puts the newest code back`,
  ),
  deployAgain: hint(
    "somebody else",
    "a deploy that got lost and cannot be read any more",
    () => say`deploy it again, then run the command again`,
  ),
  notSwitched: hint(
    "the gateway",
    "an uploaded version that sends something else",
    () => say`${mcpist("secrets rotate --clean")}   (nothing was switched; gives it up)`,
  ),
  nothingSwitched: hint(
    "an origin",
    "an origin refuses the new secret from the new version",
    () => say`${mcpist("secrets status")}   (nothing was switched; shows what each party holds)`,
  ),
  leaked: hint(
    "somebody else",
    "the old secret is used from outside the gateway",
    () =>
      say`it is used by somebody who is not the gateway, so treat it as leaked: ${mcpist("secrets rotate --emergency fast")}; or, if that user is known to you, stop it and run the command again: it goes on draining`,
  ),
  edgeLags: hint(
    "the gateway",
    "the old secret is used by an edge location",
    () =>
      say`an edge location still runs the old version: run the command again later, it goes on draining; to end the old secret at once instead: ${mcpist("secrets rotate --emergency fast")}`,
  ),
  whoUses: hint(
    "somebody else",
    "the old secret is used, and it cannot be told by whom",
    () =>
      say`an edge location that lags or somebody who has the old secret, which cannot be told apart: run the command again later, it goes on draining; to end the old secret at once instead: ${mcpist("secrets rotate --emergency fast")}`,
  ),
  nothing: hint("mcpist", "nothing is off", () => say`nothing to do`),
} as const;

/** Phases of a rotation, its lock, the other secrets, and which origins the gateway routes to. */
import { hint, mcpist, rotationRefOf, say, wrangler } from "./hint.ts";

/** The entries. */
export const ROTATION = {
  again: hint("somebody else", "something changed or got lost meanwhile", () => say`run the command again`),
  continues: hint("mcpist", "a run that stopped itself", () => say`run the command again: it continues`),
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
  bringBack: hint(
    "an origin",
    "an origin that does not answer, or has no instance",
    (name: string) =>
      say`bring ${name} back, or take it out of the pool on purpose: ${mcpist(`origins quarantine ${name}`)}`,
  ),
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
      say`${mcpist("secrets restore worker")}   (or deploy its version: ${wrangler(`versions deploy ${version}@100%`)})`,
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
      say`give one of ${versions.join(" and ")} all traffic (${wrangler(`versions deploy ${versions[0] ?? "ID"}@100% --yes`)}), then run the command again`,
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
  nothingRouted: hint(
    "an origin",
    "an origin refuses the gateway before it gets traffic",
    () => say`${mcpist("secrets status")}   (nothing was routed to it; shows what each party holds)`,
  ),
  servedBefore: hint(
    "the gateway",
    "a version that sends another secret than the deployed one",
    () => say`${mcpist("secrets status")}   (the version that served before is still uploaded)`,
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

  held: hint(
    "another run",
    "the lock is held by a run of a laptop",
    (run: string, minutes: number) =>
      say`wait for it; if it is dead: the same command with --steal-lock ${run} (watches it for ${minutes} min to be sure)`,
  ),
  heldByWorkflow: hint(
    "another run",
    "the lock is held by a workflow run",
    (run: string) =>
      say`wait for it; if that workflow run is over: the same command with --steal-lock ${run} (input "dead_run" of the workflow)`,
  ),
  cancelRun: hint(
    "another run",
    "a workflow run that is not over",
    () => say`wait for it or cancel it there, then run the command again`,
  ),
  waitForRun: hint(
    "another run",
    "a holder that is alive",
    () => say`wait for it to finish, then run the command again`,
  ),
  whoHolds: hint(
    "another run",
    "the lock is held by another run than the one named",
    (run: string) => say`${mcpist("secrets history")}   (shows who it is; run ${run} holds it)`,
  ),
  whoWrote: hint(
    "another run",
    "somebody else wrote to the journal",
    () => say`${mcpist("secrets history")}   (shows who it was)`,
  ),
  foreignRef: hint(
    "somebody else",
    "a tip of the journal that is no entry",
    () =>
      say`somebody wrote to the ref by hand: set it back, or delete it (${rotationRefOf}) and run the command again: what GitHub holds counts as unknown then`,
  ),

  stepForward: hint(
    "you",
    "a rollback after the retirement",
    () => say`rotate again to replace the current secret: ${mcpist("secrets rotate")}`,
  ),
  stepClean: hint(
    "you",
    "a rollback with nothing to step back to",
    () => say`${mcpist("secrets rotate --clean")}   (gives up an unfinished candidate)`,
  ),
  finishRetirement: hint(
    "you",
    "a rollback in the middle of the retirement",
    () => say`${mcpist("secrets rotate")}   (finishes the retirement; once more replaces the current secret)`,
  ),

  workflowJob: hint(
    "you",
    "a restore without the values of GitHub",
    () =>
      say`run it in a workflow job of the environment that passes both slots as variables (docs/runbooks/restore.md)`,
  ),
  lostAtGithub: hint(
    "GitHub",
    "a restore in a workflow job that was given no value",
    (name: string) =>
      say`start a job that names the environment; if it did, GitHub has lost the value too: ${mcpist(`origins quarantine ${name}`)}, then rotate`,
  ),
  workerLost: hint(
    "GitHub",
    "a restore of the Worker in a workflow job that was given no value",
    () =>
      say`start a job that names the environment; if it did, GitHub has lost the value too: ${mcpist("secrets rotate --emergency now --yes")}`,
  ),
  newJob: hint(
    "you",
    "a job with the values of another day",
    () => say`start a new job: a queued one may hold yesterday's values`,
  ),
  oneOriginFirst: hint(
    "an origin",
    "no origin that could say what to restore",
    (name: string) =>
      say`bring ${name} back first, or take it out of the pool: ${mcpist(`origins quarantine ${name}`)}`,
  ),
  cleanFirst: hint(
    "another run",
    "a restore in the middle of a rotation",
    () => say`${mcpist("secrets rotate --clean")}, then restore`,
  ),

  putAgain: hint(
    "an origin",
    "a secret that is written and not proven",
    (name: string) =>
      say`${mcpist("secrets verify")}   (shows when every instance has it); to roll out anew: ${mcpist(`secrets put ${name}`)}`,
  ),
  put: hint(
    "you",
    "a secret that an origin needs and has not",
    (name: string) => say`${mcpist(`secrets put ${name}`)}`,
  ),
  putFile: hint(
    "you",
    "a secret that cannot be generated",
    (name: string) => say`${mcpist(`secrets put ${name}`)} < file`,
  ),
  putPiped: hint(
    "you",
    "a value that a secret cannot have",
    (name: string) => say`printf %s "$VALUE" | ${mcpist(`secrets put ${name}`)}`,
  ),
  secretNames: hint(
    "you",
    "a secret that is none",
    (names: readonly string[]) =>
      say`one of: ${names.join(", ")}; the gateway secret has its own command: ${mcpist("secrets rotate")}`,
  ),
  databaseAddress: hint(
    "you",
    "an address of a database that origins refuse",
    () => say`correct the address, then run the command again (docs/deploy.md, The database's address)`,
  ),

  quarantineOrPool: hint(
    "the configuration",
    "the gateway routes to an origin that the file leaves out",
    (name: string) => say`${mcpist(`origins quarantine ${name}`)}, or set its state to "pool"`,
  ),
  joinOrQuarantine: hint(
    "the configuration",
    "an origin of the file's pool that the gateway leaves out",
    (name: string) =>
      say`set its state in mcpist.config.ts to "joining" and run ${mcpist(`origins join ${name}`)}, or to "quarantined"`,
  ),
  deployOrCorrect: hint(
    "the configuration",
    "the gateway looks for an origin at another address",
    () => say`deploy the base stacks, or correct its url in mcpist.config.ts`,
  ),
  deployBaseAgain: hint(
    "the gateway",
    "a configuration of the Worker that cannot be read",
    () => say`deploy the base stacks, then run the command again`,
  ),
  agree: hint(
    "the configuration",
    "file and gateway disagree about another origin",
    (state: string) =>
      say`make the file say what the gateway does (state: "${state}"), or deploy the file, then run the command again`,
  ),
  setQuarantined: hint(
    "the configuration",
    "an origin that gets no traffic anyway",
    () => say`set its state to "quarantined" in mcpist.config.ts`,
  ),
  setJoining: hint(
    "the configuration",
    "an origin that the file does not call joining",
    () => say`set its state to "joining" there, then run the command again`,
  ),
  joinFirst: hint(
    "you",
    "the last origin of the pool",
    (name: string) => say`${mcpist(`origins join ${name}`)}   (brings another one in first)`,
  ),
  bringUp: hint(
    "an origin",
    "a joining origin that does not answer",
    () => say`bring it up, then run the command again`,
  ),
  logs: hint("an origin", "an instance that does not answer", () => say`look at its logs, then run the command again`),
  deployService: hint(
    "you",
    "an origin with slots in which nothing runs",
    () => say`deploy its service stack with npx cdktn deploy, then run the command again: it needs no second rotation`,
  ),
  join: hint("you", "an origin that the file calls joining", (name: string) => say`${mcpist(`origins join ${name}`)}`),
  givesNext: hint(
    "an origin",
    "a joining origin without the live secret",
    () => say`${mcpist("secrets rotate")}   (gives it the next one)`,
  ),
  holder: hint(
    "another run",
    "status and dry run while a run holds the lock",
    (run: string) =>
      say`wait for run ${run}, which holds the lock; if it is dead: ${mcpist(`secrets rotate --yes --steal-lock ${run}`)}`,
  ),
  nothing: hint("mcpist", "nothing is off", () => say`nothing to do`),
} as const;

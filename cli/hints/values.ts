/** Steps back, restores, and the secrets beside the gateway secret. */
import { hint, mcpist, page, say } from "./hint.ts";

/** A key that nobody else has to know is made by the command; every other value comes from a person. */
const put = (name: string) =>
  mcpist(name === "REQUEST_STATE_KEY" ? `secrets put ${name} --generate` : `secrets put ${name}`);

/** The entries. */
export const VALUES = {
  workflowJob: hint(
    "you",
    "a restore without the values of GitHub",
    () =>
      say`run it in a workflow job of the environment that passes both slots as variables (${page("docs/runbooks/restore.md")})`,
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
  jobLacks: hint(
    "GitHub",
    "a job that does not hold what the Worker sends, at an origin that refuses it",
    () =>
      say`start a new job, a queued one may hold yesterday's values; if it says the same, GitHub does not hold it: ${mcpist("secrets rotate --emergency fast")}   (a new secret everywhere)`,
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
      say`${mcpist("secrets verify")}   (shows when every instance has it); to roll out anew: ${put(name)}`,
  ),
  put: hint("you", "a secret that an origin needs and has not", (name: string) => say`${put(name)}`),
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
    () => say`correct the address, then run the command again (${page("docs/deploy.md")}, The database's address)`,
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
} as const;

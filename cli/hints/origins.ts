/** Which origins the gateway routes to. */
import { hint, mcpist, say } from "./hint.ts";

/** The entries. */
export const ORIGINS = {
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
    () => say`${mcpist("deploy --base")}, or correct its url in mcpist.config.ts`,
  ),
  deployBaseAgain: hint(
    "the gateway",
    "a configuration of the Worker that cannot be read",
    () => say`${mcpist("deploy --base")}, then run the command again`,
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
  setJoiningHere: hint(
    "this machine",
    "an origin of a rehearsal that this terminal does not call joining",
    (line: string) => say`${line}   (then the command again)`,
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
} as const;

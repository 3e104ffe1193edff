/** Which origins the gateway routes to. */
import type { OriginState } from "../../contract/runtime-config.ts";
import { configFile, hint, mcpist, say, setState } from "./hint.ts";

/** A line of a terminal that has joined a sandbox. */
const again = (line: string) => say`${line}   (then the command again)`;

/** The entries. */
export const ORIGINS = {
  quarantineOrPool: hint(
    "the configuration",
    "the gateway routes to an origin that the file leaves out",
    (name: string) =>
      say`${mcpist(`origins quarantine ${name}`)}, or ${setState(name, "pool", say`set its state to "pool" in ${configFile}`, (line) => say`${line}`)}`,
  ),
  joinOrQuarantine: hint(
    "the configuration",
    "an origin of the file's pool that the gateway leaves out",
    (name: string) => {
      const join = mcpist(`origins join ${name}`);
      return say`${setState(
        name,
        "joining",
        say`set its state in ${configFile} to "joining" and run ${join}, or to "quarantined"`,
        (line) => say`${line} && ${join}   (or with "quarantined" there, and without joining)`,
      )}`;
    },
  ),
  deployOrCorrect: hint(
    "the configuration",
    "the gateway looks for an origin at another address",
    () => say`${mcpist("deploy --base")}, or correct its url in ${configFile}`,
  ),
  deployBaseAgain: hint(
    "the gateway",
    "a configuration of the Worker that cannot be read",
    () => say`${mcpist("deploy --base")}, then run the command again`,
  ),
  agree: hint(
    "the configuration",
    "file and gateway disagree about another origin",
    (name: string, state: OriginState) =>
      say`${setState(
        name,
        state,
        say`make the file say what the gateway does (state: "${state}"), or deploy the file, then run the command again`,
        again,
      )}`,
  ),
  setQuarantined: hint(
    "the configuration",
    "an origin that gets no traffic anyway",
    (name: string) =>
      say`${setState(name, "quarantined", say`set its state to "quarantined" in ${configFile}`, (line) => say`${line}`)}`,
  ),
  setJoining: hint(
    "the configuration",
    "an origin that the file does not call joining",
    (name: string) =>
      say`${setState(name, "joining", say`set its state to "joining" there, then run the command again`, again)}`,
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

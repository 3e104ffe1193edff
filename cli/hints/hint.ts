/**
 * What a person is told to do. A hint comes from the registry (hints.ts) and from nowhere else: the class cannot be made outside of it.
 * Commands of ours in it carry the environment and the file that the user works with, once both are known to exist.
 */
import type { OriginState } from "../../contract/runtime-config.ts";
import { SANDBOX_VARIABLE, type SandboxUrls } from "../../contract/sandbox.ts";
import { rotationRef } from "../../contract/secret-names.ts";

/** Whose fault it is, or who has to act. */
export type Party =
  | "you"
  | "this machine"
  | "the configuration"
  | "GitHub"
  | "Cloudflare"
  | "Koyeb"
  | "Fly.io"
  | "a platform"
  | "the gateway"
  | "an origin"
  | "the database"
  | "another run"
  | "somebody else"
  | "mcpist";

/**
 * Which environment and file the commands of a hint name. Filled when the configuration was read and has the environment, so that
 * nothing that was pasted by mistake is printed again.
 */
export class Place {
  /** Name of the environment; null = not known yet. */
  env: string | null = null;
  /** Configuration file where it is not the default; else null. */
  config: string | null = null;
  /** Name of the environment's Worker. */
  worker: string | null = null;
  /** The sandbox that this terminal has joined; null = none. */
  joined: SandboxUrls | null = null;
  /** How the command is typed here. */
  program = "mcpist";
  /** Where the pages of this version are: stands before "docs/". */
  pages = "";
  /** Ids of the hints that were printed, in order. */
  readonly told: string[] = [];
}

/** Commands that work on no environment. */
const PLACELESS = /^(?:--help|help|init|demo|sandbox|origin|db|tools|access)(?: |$)/;

/** A word as a shell reads it back. */
export const quoted = (word: string): string =>
  /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** What a command is completed with. */
type Names = Pick<Place, "env" | "config" | "worker" | "joined" | "program" | "pages">;
/** Before anything is known. */
export const NOWHERE: Names = { env: null, config: null, worker: null, joined: null, program: "mcpist", pages: "" };

/** A command in a hint, completed when it is printed. */
export type Command = (place: Names) => string;

/** A command of ours, without its first word: "secrets rotate --init". */
export const mcpist =
  (words: string): Command =>
  ({ env, config, program }) => {
    // A shell reads what this prints, and npm would say in front what it starts.
    const typed = words.includes("--print-env") ? program.replace(/^npm run /, "npm run --silent ") : program;
    const flags = PLACELESS.test(words)
      ? []
      : [...(env === null ? [] : ["--env", quoted(env)]), ...(config === null ? [] : ["--config", quoted(config)])];
    return [typed, words, ...flags].join(" ");
  };

/** A page of the documentation, as a path that is there: "docs/deploy.md". */
export const page =
  (path: `docs/${string}`): Command =>
  ({ pages }) =>
    `${pages}${path}`;

/** A command of wrangler for the environment's Worker: "versions deploy ID@100%". */
export const wrangler =
  (words: string): Command =>
  ({ worker }) =>
    `npx wrangler ${words}${worker === null ? "" : ` --name ${quoted(worker)}`}`;

/**
 * The line that gives an origin another state in a terminal that has joined a sandbox. What a sandbox runs was given to it at its start, and
 * a rehearsal changes no file of the real environment: states travel with the variable that joins a terminal to it.
 */
export function stateLineHere(joined: SandboxUrls, origin: string, state: OriginState): string {
  const text = JSON.stringify({ ...joined, states: { ...joined.states, [origin]: state } });
  return `export ${SANDBOX_VARIABLE}=${quoted(text)}`;
}

/**
 * Advice about the state of an origin.
 * @param here what is said of the line, in a terminal that has joined a sandbox; elsewhere the advice is about the file
 */
export const setState =
  (origin: string, state: OriginState, inFile: Advice, here: (line: string) => Advice): Command =>
  (place) =>
    textOf(place.joined ? here(stateLineHere(place.joined, origin, state)) : inFile, place);

/** Where settings are corrected. A terminal that has joined a sandbox reads no file: its settings are those of the sandbox's start. */
export const configFile: Command = ({ config, joined }) =>
  joined ? "what the sandbox was started with, and start it again" : (config ?? "mcpist.config.ts");

/** How the journal's ref is deleted, in a checkout of the repository. */
export const rotationRefOf: Command = ({ env }) => `git push origin --delete ${rotationRef(env ?? "ENVIRONMENT")}`;

/** Words and commands in the order in which they are read. */
export type Advice = readonly (string | Command)[];

/** Advice as it is printed. */
export const textOf = (advice: Advice, place: Names): string =>
  advice.map((part) => (typeof part === "string" ? part : part(place))).join("");

/** Makes an {@link Advice}: say`bring it back, or: ${mcpist("origins quarantine koyeb")}`. */
export const say = (texts: TemplateStringsArray, ...parts: readonly (string | number | Command)[]): Advice =>
  texts.flatMap((text, i) => {
    const part = parts[i];
    return [text, ...(part === undefined ? [] : [typeof part === "number" ? String(part) : part])];
  });

/** One entry of the registry: called with what is particular, it is the hint. */
export interface Entry<Args extends readonly unknown[] = never> {
  (...args: Args): Hint;
  readonly party: Party;
  /** When it is said, in one sentence. */
  readonly cause: string;
  /** The advice before it is a hint, from which its page is made. */
  readonly advise: (...args: Args) => Advice;
}

/** What a person can do now. */
class Hint {
  readonly entry: Entry;
  readonly #advice: Advice;
  constructor(entry: Entry, advice: Advice) {
    this.entry = entry;
    this.#advice = advice;
  }

  get party(): Party {
    return this.entry.party;
  }

  /** As it is printed. Without a place its commands name no environment. */
  text(place: Names = NOWHERE): string {
    return textOf(this.#advice, place);
  }
}
export type { Hint };

/** Makes an entry; for the files of the registry alone. */
export function hint<Args extends readonly unknown[]>(
  party: Party,
  cause: string,
  advise: (...args: Args) => Advice,
): Entry<Args> {
  const entry: Entry<Args> = Object.assign((...args: Args): Hint => new Hint(entry, advise(...args)), {
    party,
    cause,
    advise,
  });
  return entry;
}

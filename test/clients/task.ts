/** What a driver is told on its standard input, and what it says line by line on its standard output. */
import type { Era, Presentation, Step } from "./versions.ts";

/** One client against one gateway. */
export interface Task {
  /** Where the client is installed. */
  readonly folder: string;
  /** A folder of this run only, for what the client keeps. */
  readonly home: string;
  /** The MCP endpoint. */
  readonly url: string;
  readonly era: Era;
  /** How the gateway presents tools. */
  readonly presentation: Presentation;
  readonly steps: readonly Step[];
  /** Names the repositories of this client at `slowGithub`. */
  readonly id: string;
  readonly slowGithub: string;
  /** Who signs in (`login_hint`). */
  readonly person: string;
  /** Somebody whose first access token ends {@link secondsLeft} after it was issued. */
  readonly hastyPerson: string;
  /** Unit: seconds. */
  readonly secondsLeft: number;
  /** An access token of `person`, for a client whose own sign-in fails. */
  readonly token: string;
}

/** How one step ended. */
export interface Outcome {
  readonly step: Step;
  readonly ok: boolean;
  /** The client's own error, or what is worth saying of a success; bounded. */
  readonly detail: string;
}

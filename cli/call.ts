/** Shape of one call to a platform's API, and of what comes back. */
import type { Hint } from "./hints/hint.ts";

/** How a vendor's API is reached. */
export interface ApiOptions {
  /** For messages: "GitHub", "Koyeb", … */
  readonly vendor: string;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Name of the variable that holds the token, for hints. */
  readonly tokenVariable: string;
  /** What a redirect means and what to correct, for hints. It is never followed: the token stays with this host. */
  readonly moved?: { readonly message: string; readonly hint: Hint };
  /** What to do about a 403 that is not the token's fault, by the platform's own sentence; null = it is. */
  readonly forbids?: (said: string) => Hint | null;
  /** First wait after a limit that names no time. Unit: milliseconds; default a second. */
  readonly pauseMs?: number;
  /** True for the body of a failure that comes with a status of success. */
  readonly denies?: (json: unknown) => boolean;
  /** Longest time of a call with its waits, asked at each call; see {@link CallOptions.patienceMs}. */
  readonly patience?: () => number | undefined;
}

/** What an operation takes and answers, where the vendor's description is there as types. */
export interface Described {
  readonly body: unknown;
  readonly status: number;
}

/** One call. */
export interface CallOptions<Operation extends Described = Described> {
  /** Sent as JSON. */
  readonly body?: Operation["body"];
  readonly form?: FormData;
  /** Sent as it is. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses besides 2xx that are an answer, not an error. */
  readonly accept?: readonly Operation["status"][];
  /** Sending the same bytes twice has the same effect as once. Default: true for all but POST. */
  readonly repeatable?: boolean;
  /** The answer is no JSON but a text of somebody's own. */
  readonly raw?: true;
  /** Made after Ctrl-C too: it gives back what a run holds. */
  readonly evenIfInterrupted?: boolean;
  /** How long the server was asked to hold its answer back; the client waits longer than that. Unit: milliseconds. */
  readonly serverMs?: number;
  /** Longest time of this call with its waits and retries; what takes longer ends as the fault that it is. Unit: milliseconds. */
  readonly patienceMs?: number;
}

/** An answer. `json` is null for an empty or unparseable body; then `text` has it. */
export interface ApiAnswer<Operation extends Described = Described> {
  readonly status: Operation["status"];
  readonly json: unknown;
  readonly text: string;
  readonly headers: Headers;
}

/** What a check of `mcpist doctor` is, and how a platform is asked so that every answer, a refusal too, is a finding. */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import type { ApiAnswer, CallOptions } from "../call.ts";
import type { Api } from "../http.ts";
import { printable } from "../redact.ts";
import type { Hint } from "../hints/hint.ts";

/** How a check ended. "not run": nothing is known, because something before it is missing or did not answer. */
export type Outcome = "ok" | "missing" | "too broad" | "ends soon" | "not run";

/** One line of the answer. */
export interface Check {
  /** Who was asked: "node", "github", … */
  readonly area: string;
  readonly what: string;
  readonly outcome: Outcome;
  readonly detail: string;
  /** One command or one sentence; null when there is nothing to do. */
  readonly advice: Hint | null;
  /** Its text without the environment that its commands work on. */
  readonly next: string | null;
  /** It is about who may do what: makes the exit code 4. */
  readonly authorisation: boolean;
  /** There is no token to ask with: makes the exit code 2, as for every other command. */
  readonly unset: boolean;
}

/** Makes checks of one area. */
export function checksOf(area: string) {
  const make = (
    outcome: Outcome,
    what: string,
    detail: string,
    advice: Hint | null,
    about: "rights" | "no token" | null = null,
  ): Check => ({
    area,
    what,
    outcome,
    detail: printable(detail),
    advice,
    next: advice?.text() ?? null,
    authorisation: about === "rights",
    unset: about === "no token",
  });
  return {
    ok: (what: string, detail: string) => make("ok", what, detail, null),
    missing: (what: string, detail: string, next: Hint) => make("missing", what, detail, next),
    /** The token is not valid, or lacks a permission. */
    denied: (what: string, detail: string, next: Hint) => make("missing", what, detail, next, "rights"),
    tooBroad: (what: string, detail: string, next: Hint) => make("too broad", what, detail, next, "rights"),
    /** There is no token. @param reason null = nobody says why @param otherwise what to do then */
    noToken: (reason: Reason, otherwise: Hint) =>
      make("missing", "token", reason?.detail ?? "there is none", reason?.next ?? otherwise, "no token"),
    notRun: (what: string, detail: string, next: Hint | null = null) => make("not run", what, detail, next),
  };
}

/** What is said of a token that is not there; null = there is one. */
export type Reason = { readonly detail: string; readonly next: Hint } | null;

/** What a platform said to one question. */
export type Said =
  | { readonly kind: "yes"; readonly answer: ApiAnswer }
  /** 401: the token is not one. */
  | { readonly kind: "unauthenticated" }
  /** 403. */
  | { readonly kind: "forbidden"; readonly answer: ApiAnswer }
  /** 404. */
  | { readonly kind: "absent"; readonly answer: ApiAnswer }
  /** 400, 409, 422: the question was let through and found to be nothing that can be carried out. */
  | { readonly kind: "understood"; readonly answer: ApiAnswer }
  | { readonly kind: "silent"; readonly reason: string };

const UNDERSTOOD: ReadonlySet<number> = new Set([400, 405, 409, 415, 422]);

/** Asks once (with the client's own retries). @throws only when interrupted. */
export async function ask(
  context: Context,
  api: Api,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Said> {
  try {
    const answer = await api.call(method, path, { ...options, accept: [401, 403, 404, ...UNDERSTOOD] });
    if (answer.status === 401) return { kind: "unauthenticated" };
    if (answer.status === 403) return { kind: "forbidden", answer };
    if (answer.status === 404) return { kind: "absent", answer };
    if (UNDERSTOOD.has(answer.status)) return { kind: "understood", answer };
    // A page of whatever stands in between says nothing of the platform.
    if (answer.json === null && answer.text !== "")
      return { kind: "silent", reason: "what answers is not the platform: its answer is no JSON" };
    return { kind: "yes", answer };
  } catch (error) {
    context.signal.throwIfAborted();
    return { kind: "silent", reason: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof McpistError)) return "unexpected error";
  // A redirect; a 404 was an answer.
  return error.code === "ERR_NOT_FOUND" ? `${error.message}; ${error.hint ?? ""}` : error.message;
}

/**
 * Asks for a write that cannot be carried out, because its body is empty: a platform checks who asks before it looks at what is
 * asked. 400 or 422 = the token may write there; 403 = it may not. Nothing can change.
 */
export const mayWrite = (context: Context, api: Api, method: string, path: string): Promise<Said> =>
  ask(context, api, method, path, { body: {}, repeatable: true });

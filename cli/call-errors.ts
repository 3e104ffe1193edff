/** What a failed call to a platform is told as: vendor, call and next step. Answers are quoted only through the redactor, shortened. */
import { isRecord } from "../contract/json.ts";
import type { ApiAnswer, ApiOptions } from "./call.ts";
import type { Context } from "./context.ts";
import { McpistError } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";
import { proxyAdvice } from "./proxy.ts";
import { printable } from "./redact.ts";
import { causeCode, isUntrusted } from "./trust.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** So much of an answer is quoted. Unit: characters. */
const QUOTED_LENGTH = 200;
/** A wait that is longer is no time that helps anybody, and none that a date can hold. Unit: milliseconds. */
const LONGEST_NAMED_MS = 366 * 86_400_000;

/** The call that an error is about. */
export interface Call {
  readonly context: Context;
  readonly api: ApiOptions;
  /** Method and path, without a query: see {@link callName}. */
  readonly name: string;
}

/** How a call is named in messages: a query may hold what somebody searched for. */
export const callName = (method: string, path: string): string => `${method} ${path.replace(/\?.*$/, "")}`;

/** The human sentence in an error body: `message`, `error`, or the first of `errors`; "" without one. */
export function messageOf({ json }: ApiAnswer): string {
  if (!isRecord(json)) return "";
  for (const value of [json["message"], json["error"]]) if (typeof value === "string") return value;
  const [first]: readonly unknown[] = Array.isArray(json["errors"]) ? json["errors"] : [];
  if (!isRecord(first) || typeof first["message"] !== "string") return "";
  return "code" in first ? `${first["message"]} (${String(first["code"])})` : first["message"];
}

/** Nothing answered, or nothing that Node trusts. */
export function unreachable({ context, api, name }: Call, cause: unknown): McpistError {
  const code = causeCode(cause);
  // The platforms' own certificates are of authorities that everybody knows: somebody in between opens the connection.
  if (isUntrusted(cause))
    return new McpistError(
      "ERR_MACHINE",
      `${api.vendor}'s certificate is of an authority that Node does not know (${code})`,
      { hint: HINTS.authority(context.env["SSL_CERT_FILE"] ? "$SSL_CERT_FILE" : "FILE"), cause },
    );
  const where = `${new URL(api.baseUrl).host}${code === null ? "" : ` (${code})`}`;
  return new McpistError("ERR_UNREACHABLE", `${api.vendor} did not answer ${name}`, {
    hint: HINTS.network(where, proxyAdvice(context.env)),
    cause,
  });
}

/** @param askedMs how long the platform asks to wait; null = it names no time */
export function overLimit(call: Call, answer: ApiAnswer, askedMs: number | null): McpistError {
  const { context, api } = call;
  if (askedMs === null || askedMs >= LONGEST_NAMED_MS)
    return new McpistError("ERR_RATE_LIMITED", whatWasSaid(call, answer), { hint: HINTS.limit() });
  const until = new Date(context.now().getTime() + askedMs).toISOString().slice(0, 19).replace("T", " ");
  return new McpistError("ERR_RATE_LIMITED", whatWasSaid(call, answer), { hint: HINTS.limitUntil(api.vendor, until) });
}

/** More came than any answer of that API has. */
export const tooLong = ({ api, name }: Call): McpistError =>
  new McpistError("ERR_VENDOR", `${api.vendor}'s answer to ${name} is longer than any that it could mean`, {
    hint: HINTS.strangeAnswer(),
  });

/** Success, said by a page: whatever stands in between wrote it, and nobody knows whether the platform was asked at all. */
export const page = ({ api, name }: Call, { status }: ApiAnswer): McpistError =>
  new McpistError("ERR_VENDOR", `${api.vendor} answered ${status} to ${name} with a page`, {
    hint: HINTS.strangeAnswer(),
  });

/** An answer that is none of those that the call accepts. */
export function refused(call: Call, answer: ApiAnswer): McpistError {
  const { vendor, tokenVariable, moved, forbids } = call.api;
  const what = whatWasSaid(call, answer);
  if (REDIRECTS.has(answer.status))
    return new McpistError("ERR_NOT_FOUND", `${what}: ${moved?.message ?? `${vendor}'s API has moved`}`, {
      hint: moved?.hint ?? HINTS.moved("update mcpist, or correct the variable that names the API's address"),
    });
  switch (answer.status) {
    case 401:
      return new McpistError("ERR_UNAUTHORISED", what, { hint: HINTS.newToken(tokenVariable) });
    case 403: {
      const hint = forbids?.(messageOf(answer)) ?? null;
      if (hint !== null) return new McpistError("ERR_REFUSED", what, { hint });
      return new McpistError("ERR_UNAUTHORISED", what, { hint: HINTS.permission(tokenVariable) });
    }
    case 404:
      return new McpistError("ERR_NOT_FOUND", what, { hint: HINTS.notFound(tokenVariable) });
    default:
      return new McpistError("ERR_VENDOR", what, { hint: HINTS.vendorFault(vendor) });
  }
}

function whatWasSaid({ context, api, name }: Call, answer: ApiAnswer): string {
  const said = context.redactor.apply(printable(messageOf(answer))).slice(0, QUOTED_LENGTH);
  return `${api.vendor} answered ${answer.status} to ${name}${said ? `: ${said}` : ""}`;
}

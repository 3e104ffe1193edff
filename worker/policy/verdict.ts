/** What an origin's status and headers mean for the gateway. Reads no body; pure. */
import { CLAIM_HEADER, DENY_HEADER, ORIGIN_HEADER } from "../../contract/headers.ts";

/**
 * answer = the client gets it, whatever it says · secret = the origin refuses our gateway secret (an alarm, never a reason to go
 * elsewhere: that would hide a broken rotation until both origins are broken) · draining = it is shutting down and did nothing ·
 * full = it has no room now and did nothing · busy = the same request is being executed by another origin · refused = something in
 * front of the origin refused the request, so it never got there · platform = not the origin's own answer, and what happened is not known.
 */
export type Verdict = "answer" | "secret" | "draining" | "full" | "busy" | "refused" | "platform";

/** Media types in which an MCP server answers; a platform's error page has another. */
const MCP_TYPES = /^(application\/json|text\/event-stream)\b/i;

/** RFC 9110 and its registry: 451. Beyond it nobody has said what a 4xx means. */
const LAST_CLIENT_ERROR = 451;

export function verdict(status: number, headers: Headers): Verdict {
  // No answer that could be passed on: something in front let an interim one stand, or invented a number. What happened is not known.
  if (status < 200 || status > 599) return "platform";
  // Each look at a header crosses into the runtime, and most answers are good.
  if (status === 403 && headers.get(DENY_HEADER) === "gateway_secret") return "secret";
  if (status === 503 && headers.get(DENY_HEADER) === "draining") return "draining";
  if (status === 503 && headers.get(DENY_HEADER) === "busy") return "full";
  if (status === 409 && headers.get(CLAIM_HEADER) === "in_progress") return "busy";
  if (headers.has(ORIGIN_HEADER)) return status >= 300 && status < 400 ? "platform" : "answer";
  if (status >= 500 || (status >= 300 && status < 400)) return "platform";
  // Numbers that some proxies made up: that the client left (499), that a time was over (460). The request may have passed.
  if (status > LAST_CLIENT_ERROR) return "platform";
  if (status === 403) return "refused";
  // An MCP server answers in JSON, in a stream, or without a body; "no such service" and "we are waking it up" of a platform are pages.
  const type = headers.get("content-type");
  if (type !== null && MCP_TYPES.test(type)) return "answer";
  if (status >= 400) return "refused";
  return type === null ? "answer" : "platform";
}

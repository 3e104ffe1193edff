/** What a transport says of a request that gets no answer that could be passed on: as the code of a JSON-RPC error, or as an error. */

/** No answer will come any more, and nothing is known of what the server did. */
export const NO_ANSWER = -32_098;
/** There was one, larger than anything that is passed on. */
export const ANSWER_TOO_LARGE = -32_099;
/** There was one, and it is none of JSON-RPC. */
export const ANSWER_USELESS = -32_097;

/**
 * A call that was not run. lost = there is no such session, or no connection: it may be sent in a new one; refused = by its status;
 * busy = the server has too much to read; down = it is not there any more.
 */
export class NotRunError extends Error {
  readonly kind: "lost" | "refused" | "busy" | "down";
  constructor(kind: NotRunError["kind"]) {
    super(kind);
    this.kind = kind;
  }
}

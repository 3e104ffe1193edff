/** What a client learns from one answer of the gateway. For tests. */

/** The code of a call that may have been executed. */
const MAY_HAVE_EXECUTED = 50203;

/** broken = the answer is not whole; unknown = the gateway says that the call may have been executed. */
export type Outcome = "ok" | "unknown" | "refused" | "broken";

/** Reads the body of an answer: plain JSON, or the last event of a stream, which is the one that says how it ended. */
export function outcomeOf(text: string): Outcome {
  try {
    const last = Array.from(text.matchAll(/^data: (.*)$/gm)).at(-1)?.[1];
    const message = JSON.parse(last ?? text) as {
      result?: { isError?: boolean };
      error?: { code: number };
    };
    if (message.error?.code === MAY_HAVE_EXECUTED) return "unknown";
    return message.result && message.result.isError !== true ? "ok" : "refused";
  } catch {
    return "broken";
  }
}

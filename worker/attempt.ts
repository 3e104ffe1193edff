/** One request to one origin, with its deadlines. Judges the answer; decides nothing about retries. */
import { MCP_PATH } from "../contract/headers.ts";
import type { GatewayOrigin } from "../contract/runtime-config.ts";
import { STREAM_IDLE_MS, TOTAL_MS } from "./constants.ts";
import type { Runtime } from "./env.ts";
import { verdict } from "./policy/verdict.ts";
import { endWhenIdle } from "./stream.ts";

/** Why an attempt brought no answer for the client. */
export type Failure = "network" | "timeout" | "platform" | "draining" | "busy" | "secret";

export type Outcome = { readonly ok: true; readonly response: Response } | { readonly ok: false; readonly failure: Failure };

/** A request under way. */
export interface Attempt {
  /** Settles with the response headers; never rejects. */
  readonly outcome: Promise<Outcome>;
  /** Gives the request up; the origin sees a closed connection, which MCP reads as cancellation. */
  readonly abort: () => void;
}

const isStream = (response: Response): boolean => (response.headers.get("content-type") ?? "").startsWith("text/event-stream");

/** Starts a request. The body of an answer that is not passed on is cancelled. */
export function attempt(runtime: Runtime, origin: GatewayOrigin, headers: Headers, body: BodyInit | null): Attempt {
  const controller = new AbortController();
  const run = async (): Promise<Outcome> => {
    try {
      const response = await runtime.fetch(origin.url + MCP_PATH, {
        method: "POST",
        headers,
        body,
        redirect: "manual",
        signal: controller.signal,
      });
      const judged = verdict(response.status, response.headers);
      if (judged !== "answer") {
        await response.body?.cancel().catch(() => undefined);
        return { ok: false, failure: judged };
      }
      if (!response.body) return { ok: true, response };
      if (isStream(response)) return { ok: true, response: new Response(endWhenIdle(response.body, STREAM_IDLE_MS), response) };
      // The timer may outlive the answer; aborting a finished fetch does nothing.
      setTimeout(() => controller.abort(), TOTAL_MS);
      return { ok: true, response };
    } catch {
      return { ok: false, failure: "network" };
    }
  };
  return { outcome: run(), abort: () => controller.abort() };
}

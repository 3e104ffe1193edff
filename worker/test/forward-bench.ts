/** Two origins that the test plays, and the forwarding in front of them. */
import { Deadlines } from "../deadline.ts";
import { vi } from "vitest";
import type { ClientBody } from "../body.ts";
import { forward, type Call } from "../forward.ts";
import { isThere } from "../probe.ts";
import { Origins } from "../origins.ts";
import type { CallClass } from "../policy/era.ts";
import { RetryBudget } from "../policy/retry-budget.ts";
import { testRuntime, type FakeKv } from "./clock.ts";
import { configOf } from "./config.ts";

/** How an origin answers one request. */
export type Answer = (signal: AbortSignal | null | undefined) => Response | Promise<Response>;
export const own = (name: string, more: Record<string, string> = {}): Record<string, string> => ({
  "x-mcpist-origin": name,
  "content-type": "application/json",
  ...more,
});
export const good =
  (name: string): Answer =>
  () =>
    Response.json({ servedBy: name }, { headers: own(name) });
export const untilAborted: Answer = (signal) =>
  new Promise((_, reject) =>
    signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))),
  );
export const after =
  (ms: number, answer: Answer): Answer =>
  (signal) =>
    Promise.race([
      untilAborted(signal),
      new Promise<Response>((resolve) => setTimeout(() => resolve(answer(signal) as Response), ms)),
    ]);

/** Every way to fail, and whether the origin itself said that nothing was executed. */
export const FAULTS: Record<string, Answer> = {
  network: () => Promise.reject(new TypeError("Network connection lost.")),
  hang: untilAborted,
  platform502: () => new Response("bad gateway", { status: 502 }),
  platform503: () => new Response(null, { status: 503 }),
  platform404: () => new Response("<html>", { status: 404, headers: { "content-type": "text/html" } }),
  refused: () => new Response(null, { status: 431 }),
  full: () => new Response(null, { status: 503, headers: { "x-mcpist-origin": "koyeb", "x-mcpist-deny": "busy" } }),
  redirect: () => new Response(null, { status: 302, headers: { location: "https://evil.test" } }),
  draining: () =>
    new Response(null, { status: 503, headers: { "x-mcpist-origin": "koyeb", "x-mcpist-deny": "draining" } }),
};
export const REFUSED =
  (name: string): Answer =>
  () =>
    new Response(null, { status: 403, headers: own(name, { "x-mcpist-deny": "gateway_secret" }) });
export const BUSY =
  (name: string): Answer =>
  () =>
    new Response("{}", { status: 409, headers: own(name, { "x-mcpist-claim": "in_progress" }) });

export interface Bench {
  readonly sent: {
    readonly origin: string;
    readonly attempt: string | null;
    readonly signal: AbortSignal | null | undefined;
  }[];
  readonly reports: string[];
  /** Origins that the gateway itself asked whether they are there. */
  readonly probes: string[];
  readonly send: (callClass: CallClass, body?: ClientBody, user?: string) => Promise<string>;
  /** The same for answers that come at once: the clock stands still. */
  readonly sendNow: (callClass: CallClass, user?: string) => Promise<string>;
  /** Waits for what went on behind the answers. */
  readonly probed: () => Promise<void>;
}

interface Setup {
  readonly koyeb: Answer;
  readonly fly?: Answer;
  readonly sharedDatabase?: boolean;
  readonly states?: readonly ["pool" | "quarantined" | "joining", "pool" | "quarantined" | "joining"];
  readonly kv?: FakeKv;
  /** How both answer the gateway's own question; absent = as they answer everything. */
  readonly probe?: Answer;
}

export function bench({
  koyeb,
  fly = good("fly"),
  sharedDatabase = true,
  states = ["pool", "pool"],
  kv,
  probe,
}: Setup): Bench {
  const sent: Bench["sent"] = [];
  const reports: string[] = [];
  const probes: string[] = [];
  const runtime = {
    ...testRuntime((url, init) => {
      const origin = url.includes("koyeb") ? "koyeb" : "fly";
      if (!url.endsWith("/mcp")) {
        probes.push(origin);
        if (probe) return probe(init.signal);
      } else sent.push({ origin, attempt: new Headers(init.headers).get("x-mcpist-attempt"), signal: init.signal });
      return (origin === "koyeb" ? koyeb : fly)(init.signal);
    }),
    now: () => Date.now(),
  };
  const config = configOf(
    [
      { name: "koyeb", url: "https://koyeb.test", state: states[0] },
      { name: "fly", url: "https://fly.test", state: states[1] },
    ],
    "https://issuer.test/jwks",
  );
  const origins = new Origins(config, {
    kv,
    now: runtime.now,
    probe: (origin, waitMs) => isThere(runtime, origin, "secret", waitMs),
  });
  const works: Promise<unknown>[] = [];
  const budget = new RetryBudget();
  const send = async (callClass: CallClass, body: ClientBody, ms: number, user: string): Promise<string> => {
    const call: Call = { user, callClass, headers: { "x-request-id": "r-1" }, body };
    const result = forward(call, {
      runtime,
      origins,
      budget,
      sharedDatabase,
      waitUntil: (work) => void works.push(work),
      deadlines: new Deadlines(),
      report: (origin, failure) => void reports.push(`${origin} ${failure}`),
    });
    if (ms > 0) await vi.advanceTimersByTimeAsync(ms);
    const settled = await result;
    if (settled.ok) return `${settled.value.status} ${settled.value.headers.get("x-mcpist-origin") ?? "?"}`;
    return settled.error.reason + (settled.error.mayHaveExecuted === true ? " may have executed" : "");
  };
  const small: ClientBody = { kind: "bytes", bytes: new Uint8Array(2) };
  return {
    sent,
    reports,
    probes,
    send: (callClass, body = small, user = "user-1") => send(callClass, body, 60_000, user),
    sendNow: (callClass, user = "user-1") => send(callClass, small, 0, user),
    probed: async () => {
      await vi.advanceTimersByTimeAsync(1000);
      while (works.length > 0) await works.shift();
    },
  };
}

/** Which origins were asked, and which attempt each was. */
export const route = ({ sent }: Bench): string => sent.map(({ origin, attempt }) => `${origin}:${attempt}`).join(" ");

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClientBody } from "./body.ts";
import { forward, type Call } from "./forward.ts";
import { Origins } from "./origins.ts";
import type { CallClass } from "./policy/era.ts";
import { healthKey } from "./policy/health.ts";
import { RetryBudget } from "./policy/retry-budget.ts";
import { FakeKv, START, testRuntime } from "./test/clock.ts";
import { configOf } from "./test/config.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How an origin answers one request. */
type Answer = (signal: AbortSignal | null | undefined) => Response | Promise<Response>;
const own = (name: string, more: Record<string, string> = {}): Record<string, string> => ({
  "x-mcpist-origin": name,
  "content-type": "application/json",
  ...more,
});
const good =
  (name: string): Answer =>
  () =>
    Response.json({ servedBy: name }, { headers: own(name) });
const untilAborted: Answer = (signal) =>
  new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))));
const after =
  (ms: number, answer: Answer): Answer =>
  (signal) =>
    Promise.race([untilAborted(signal), new Promise<Response>((resolve) => setTimeout(() => resolve(answer(signal) as Response), ms))]);

/** Every way to fail, and whether the origin itself said that nothing was executed. */
const FAULTS: Record<string, Answer> = {
  network: () => Promise.reject(new TypeError("Network connection lost.")),
  hang: untilAborted,
  platform502: () => new Response("bad gateway", { status: 502 }),
  platform503: () => new Response(null, { status: 503 }),
  platform404: () => new Response("<html>", { status: 404, headers: { "content-type": "text/html" } }),
  redirect: () => new Response(null, { status: 302, headers: { location: "https://evil.test" } }),
  draining: () => new Response(null, { status: 503, headers: { "x-mcpist-origin": "koyeb", "x-mcpist-deny": "draining" } }),
};
const REFUSED =
  (name: string): Answer =>
  () =>
    new Response(null, { status: 403, headers: own(name, { "x-mcpist-deny": "gateway_secret" }) });
const BUSY =
  (name: string): Answer =>
  () =>
    new Response("{}", { status: 409, headers: own(name, { "x-mcpist-claim": "in_progress" }) });

interface Bench {
  readonly sent: { readonly origin: string; readonly attempt: string | null; readonly signal: AbortSignal | null | undefined }[];
  readonly reports: string[];
  readonly send: (callClass: CallClass, body?: ClientBody) => Promise<string>;
  /** The same for answers that come at once: the clock stands still. */
  readonly sendNow: (callClass: CallClass) => Promise<string>;
}

interface Setup {
  readonly koyeb: Answer;
  readonly fly?: Answer;
  readonly sharedDatabase?: boolean;
  readonly states?: readonly ["pool" | "quarantined" | "joining", "pool" | "quarantined" | "joining"];
  readonly kv?: FakeKv;
}

function bench({ koyeb, fly = good("fly"), sharedDatabase = true, states = ["pool", "pool"], kv }: Setup): Bench {
  const sent: Bench["sent"] = [];
  const reports: string[] = [];
  const runtime = {
    ...testRuntime((url, init) => {
      const origin = url.includes("koyeb") ? "koyeb" : "fly";
      sent.push({ origin, attempt: new Headers(init.headers).get("x-mcpist-attempt"), signal: init.signal });
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
  const origins = new Origins(config, kv);
  const budget = new RetryBudget();
  const send = async (callClass: CallClass, body: ClientBody, ms: number): Promise<string> => {
    const call: Call = { callClass, headers: { "x-request-id": "r-1" }, body };
    const result = forward(call, {
      runtime,
      origins,
      budget,
      sharedDatabase,
      waitUntil: () => undefined,
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
    send: (callClass, body = small) => send(callClass, body, 60_000),
    sendNow: (callClass) => send(callClass, small, 0),
  };
}
const route = ({ sent }: Bench): string => sent.map(({ origin, attempt }) => `${origin}:${attempt}`).join(" ");

describe("failover by class of call", () => {
  const BOTH = "koyeb:1 fly:2";
  const ONE = "koyeb:1";
  it.each<[keyof typeof FAULTS, CallClass, string, string]>([
    ...Object.keys(FAULTS).flatMap((fault) =>
      (["safe", "claimed", "stream"] as const).map(
        (callClass) => [fault, callClass, "200 fly", BOTH] as [string, CallClass, string, string],
      ),
    ),
    ["network", "single", "route.unknown may have executed", ONE],
    ["hang", "single", "route.unknown may have executed", ONE],
    ["platform502", "single", "route.unknown may have executed", ONE],
    ["draining", "single", "200 fly", BOTH],
  ])("%s on a %s call: %s by way of %s", async (fault, callClass, result, way) => {
    const self = bench({ koyeb: FAULTS[fault] ?? good("koyeb") });
    expect(await self.send(callClass)).toBe(result);
    expect(route(self)).toBe(way);
  });

  it.each<[CallClass, keyof typeof FAULTS, string]>([
    ["safe", "network", "route.platform"],
    ["safe", "platform502", "route.platform"],
    ["safe", "hang", "route.timeout"],
    ["safe", "draining", "route.none"],
    ["stream", "network", "route.platform"],
    ["claimed", "network", "route.unknown may have executed"],
    ["claimed", "hang", "route.unknown may have executed"],
    ["claimed", "platform503", "route.unknown may have executed"],
    ["claimed", "draining", "route.none"],
  ])("a %s call that meets %s everywhere ends as %s", async (callClass, fault, reason) => {
    const answer = FAULTS[fault] ?? good("koyeb");
    const self = bench({ koyeb: answer, fly: answer });
    expect(await self.send(callClass)).toBe(reason);
    expect(route(self)).toBe(BOTH);
  });

  it("never sends a tool call twice when the origins share no claims", async () => {
    const self = bench({ koyeb: FAULTS["network"] ?? good("koyeb"), sharedDatabase: false });
    expect(await self.send("claimed")).toBe("route.unknown may have executed");
    expect(route(self)).toBe(ONE);
  });

  it("sends a tool call on all the same when the origin says that it is draining and did nothing", async () => {
    const self = bench({ koyeb: FAULTS["draining"] ?? good("koyeb"), sharedDatabase: false });
    expect(await self.send("claimed")).toBe("200 fly");
  });

  it.each<CallClass>(["safe", "claimed", "stream"])(
    "raises an alarm and stays when an origin refuses the gateway secret: %s",
    async (callClass) => {
      const self = bench({ koyeb: REFUSED("koyeb") });
      expect(await self.send(callClass)).toBe("route.secret");
      expect(route(self)).toBe(ONE);
      expect(self.reports).toEqual(["koyeb secret"]);
    },
  );

  it("does not hide behind the second origin's refusal that the first may have executed", async () => {
    const self = bench({ koyeb: FAULTS["network"] ?? good("koyeb"), fly: REFUSED("fly") });
    expect(await self.send("claimed")).toBe("route.unknown may have executed");
    expect(self.reports).toEqual(["koyeb network", "fly secret"]);
  });

  it("calls the outcome unknown when the other origin still sees the claim held", async () => {
    const self = bench({ koyeb: FAULTS["network"] ?? good("koyeb"), fly: BUSY("fly") });
    expect(await self.send("claimed")).toBe("route.unknown may have executed");
  });

  it.each([200, 400, 404, 429, 500, 503])("passes an origin's own %i through without failover", async (status) => {
    const self = bench({ koyeb: () => new Response("{}", { status, headers: own("koyeb") }) });
    expect(await self.send("safe")).toBe(`${status} koyeb`);
    expect(route(self)).toBe(ONE);
    expect(self.reports).toEqual([]);
  });

  it("does not send a body again that it did not keep", async () => {
    const body: ClientBody = {
      kind: "stream",
      head: new Uint8Array(1),
      stream: new ReadableStream(),
      fate: () => "sent",
      ended: Promise.resolve(),
    };
    const self = bench({ koyeb: FAULTS["network"] ?? good("koyeb") });
    expect(await self.send("safe", body)).toBe("route.platform");
    expect(await self.send("claimed", body)).toBe("route.unknown may have executed");
    expect(self.sent.every(({ origin }) => origin === "koyeb")).toBe(true);
  });

  it.each(["too-large", "broken"] as const)("does not blame the origin for a client body that is %s", async (fate) => {
    const body: ClientBody = {
      kind: "stream",
      head: new Uint8Array(1),
      stream: new ReadableStream(),
      fate: () => fate,
      ended: Promise.resolve(),
    };
    const self = bench({ koyeb: FAULTS["network"] ?? good("koyeb") });
    for (let i = 0; i < 10; i++) expect(await self.send("safe", body)).toBe(fate === "too-large" ? "shape.size" : "route.timeout");
    expect(route(self)).toBe(Array.from({ length: 10 }, () => ONE).join(" "));
  });

  it("gives a slow upload its time before it starts the clock of the origin", async () => {
    const body: ClientBody = {
      kind: "stream",
      head: new Uint8Array(1),
      stream: new ReadableStream(),
      fate: () => "sent",
      ended: new Promise((resolve) => setTimeout(resolve, 40_000)),
    };
    const self = bench({ koyeb: after(44_000, good("koyeb")) });
    expect(await self.send("safe", body)).toBe("200 koyeb");
  });
});

describe("late answers", () => {
  it("a silent tool call is kept open while the retry asks for its claim, and its late answer counts", async () => {
    const self = bench({ koyeb: after(17_000, good("koyeb")), fly: untilAborted });
    expect(await self.send("claimed")).toBe("200 koyeb");
    expect(route(self)).toBe(BOTH_ORIGINS);
    expect(self.sent[1]?.signal?.aborted).toBe(true);
  });

  it("the retry's answer counts when it comes first, and the silent call is given up", async () => {
    const self = bench({ koyeb: untilAborted, fly: after(3000, good("fly")) });
    expect(await self.send("claimed")).toBe("200 fly");
    expect(self.sent[0]?.signal?.aborted).toBe(true);
  });

  it("a silent read is given up at once: it may be repeated", async () => {
    const self = bench({ koyeb: after(16_000, good("koyeb")), fly: after(3000, good("fly")) });
    expect(await self.send("safe")).toBe("200 fly");
    expect(self.sent[0]?.signal?.aborted).toBe(true);
  });

  it("a cold origin has 15 s until its first byte, a warm one 5 s", async () => {
    const cold = bench({ koyeb: after(14_900, good("koyeb")) });
    expect(await cold.send("safe")).toBe("200 koyeb");
    let calls = 0;
    const warm = bench({ koyeb: (signal) => (calls++ === 0 ? good("koyeb")(signal) : after(5_100, good("koyeb"))(signal)) });
    expect(await warm.send("safe")).toBe("200 koyeb");
    expect(await warm.send("safe")).toBe("200 fly");
  });
});
const BOTH_ORIGINS = "koyeb:1 fly:2";

describe("choice of origin", () => {
  it("leaves a failing origin alone after five failures and asks it again after ten seconds", async () => {
    let dead = true;
    const self = bench({ koyeb: () => (dead ? Promise.reject(new TypeError("lost")) : good("koyeb")(null)) });
    for (let i = 0; i < 8; i++) expect(await self.sendNow("safe")).toBe("200 fly");
    expect(self.sent.map(({ origin }) => origin)).toEqual([
      ...Array.from({ length: 5 }, () => ["koyeb", "fly"]).flat(),
      "fly",
      "fly",
      "fly",
    ]);
    dead = false;
    vi.setSystemTime(START + 10_000);
    expect(await self.sendNow("safe")).toBe("200 koyeb");
    expect(await self.sendNow("safe")).toBe("200 koyeb");
  });

  it("answers at once that there is no origin while all of them are left alone", async () => {
    const dead: Answer = () => Promise.reject(new TypeError("lost"));
    const self = bench({ koyeb: dead, fly: dead });
    const results = [];
    for (let i = 0; i < 8; i++) results.push(await self.sendNow("safe"));
    expect(results).toEqual([...Array.from({ length: 5 }, () => "route.platform"), "route.none", "route.none", "route.none"]);
  });

  it("sends nothing to an origin that is joining or quarantined, not even as failover", async () => {
    const quarantined = bench({ koyeb: good("koyeb"), states: ["quarantined", "pool"] });
    expect(await quarantined.send("safe")).toBe("200 fly");
    const joining = bench({ koyeb: FAULTS["network"] ?? good("koyeb"), states: ["pool", "joining"] });
    expect(await joining.send("safe")).toBe("route.platform");
    expect(route(joining)).toBe("koyeb:1");
  });

  it("prefers an origin that the health check calls up, and still uses the other one in need", async () => {
    const kv = new FakeKv();
    kv.entries.set(healthKey("koyeb"), JSON.stringify({ state: "down", since: "x", reason: "no answer" }));
    const self = bench({ koyeb: good("koyeb"), fly: FAULTS["network"] ?? good("fly"), kv });
    await self.send("safe"); // learns about it behind this request
    expect(await self.send("safe")).toBe("200 koyeb");
    expect(route(self)).toBe("koyeb:1 fly:1 koyeb:2");
  });

  it("stops retrying when too many requests need it", async () => {
    let calls = 0;
    // A quarter of the requests fail: too few to open a breaker, too many for the budget.
    const self = bench({ koyeb: (signal) => (calls++ % 4 === 0 ? Promise.reject(new TypeError("lost")) : good("koyeb")(signal)) });
    const results = [];
    for (let i = 0; i < 400; i++) results.push(await self.sendNow("safe"));
    expect(results.filter((result) => result === "route.none").length).toBeGreaterThan(0);
    expect(results.filter((result) => result === "200 fly").length).toBeLessThanOrEqual(20 + 40);
  });
});

import { describe, expect, it } from "vitest";
import type { SecurityEvent } from "../../contract/security-event.ts";
import { createAlerts, MAX_ALERTS, QUIET_MS, RETRIES_MS } from "./alerts.ts";

const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("alerts", () => {
  const event: SecurityEvent = {
    at: "t",
    layer: "origin",
    event: "probe_suspected",
    severity: "critical",
    requestId: "r",
    userId: "u",
  };
  function fixtureOf(answer: () => Promise<Response>) {
    const state = { now: 0 };
    const sent: { url: string; init: { body: string; redirect: string } }[] = [];
    const lines: Record<string, unknown>[] = [];
    const alerts = createAlerts({
      webhook: "https://hook.example/x",
      environment: "production",
      fetch: ((url: string, init: { body: string; redirect: string }) => {
        sent.push({ url, init });
        return answer();
      }) as unknown as typeof fetch,
      now: () => state.now,
      line: (line) => lines.push({ ...line }),
    });
    return { state, sent, lines, alerts };
  }

  it("post an event once in ten minutes per user, without following redirects", async () => {
    const { state, sent, lines, alerts } = fixtureOf(async () => new Response(null, { status: 204 }));
    alerts.consider(event);
    alerts.consider(event);
    alerts.consider({ ...event, userId: "other" });
    await alerts.settle();
    state.now = QUIET_MS - 1;
    alerts.consider(event);
    state.now = QUIET_MS;
    alerts.consider(event);
    await alerts.settle();
    expect(sent.map(({ init }) => (JSON.parse(init.body) as { userId: string }).userId)).toEqual(["u", "other", "u"]);
    expect(sent[0]).toMatchObject({ url: "https://hook.example/x", init: { redirect: "manual" } });
    expect(lines[0]).toMatchObject({ event: "alert", outcome: "sent" });
  });
  it("leave ordinary events alone", async () => {
    const { sent, alerts } = fixtureOf(async () => new Response());
    alerts.consider({ ...event, event: "tool_refused" });
    alerts.consider({ ...event, event: "rate_limited" });
    await alerts.settle();
    expect(sent).toEqual([]);
  });
  it("post an event of another kid although the first is still muted", async () => {
    const { sent, alerts } = fixtureOf(async () => new Response());
    for (const kid of ["1111111111111111", "2222222222222222", "1111111111111111"])
      alerts.consider({ ...event, event: "gateway_secret_rejected", kid });
    await alerts.settle();
    expect(sent.map(({ init }) => (JSON.parse(init.body) as { kid: string }).kid)).toEqual([
      "1111111111111111",
      "2222222222222222",
    ]);
  });

  const broken = [
    ["is unreachable", () => Promise.reject(new Error("canary")), "unreachable"],
    ["answers 500", async () => new Response("canary", { status: 500 }), "status 500"],
  ] as const;
  it.each(broken)("are kept and tried again when the webhook %s", async (_, fail: () => Promise<Response>, outcome) => {
    let answer = fail;
    const { state, sent, lines, alerts } = fixtureOf(() => answer());
    alerts.consider(event);
    await idle();
    expect(lines).toEqual([
      { at: "t", event: "alert", severity: "error", alert: "probe_suspected", outcome, requestId: "r" },
    ]);
    alerts.consider(event);
    state.now = RETRIES_MS[0] - 1;
    alerts.retry();
    expect(sent).toHaveLength(1);
    state.now = RETRIES_MS[0];
    answer = async () => new Response();
    alerts.retry();
    alerts.retry();
    await idle();
    expect(sent).toHaveLength(2);
    expect(lines[1]).toMatchObject({ outcome: "sent" });
    alerts.consider(event);
    expect(sent).toHaveLength(2);
  });

  it("mute nothing once they were given up", async () => {
    const { state, sent, lines, alerts } = fixtureOf(async () => new Response(null, { status: 404 }));
    alerts.consider(event);
    await idle();
    for (const pause of RETRIES_MS) {
      state.now += pause;
      alerts.retry();
      await idle();
    }
    expect(sent).toHaveLength(RETRIES_MS.length + 1);
    expect(lines.at(-1)).toMatchObject({ outcome: "given up" });
    alerts.retry();
    await idle();
    expect(sent).toHaveLength(RETRIES_MS.length + 1);
    alerts.consider(event);
    expect(sent).toHaveLength(RETRIES_MS.length + 2);
  });

  it("are tried once more at the end", async () => {
    let answer: () => Promise<Response> = () => Promise.reject(new Error("away"));
    const { sent, lines, alerts } = fixtureOf(() => answer());
    alerts.consider(event);
    await idle();
    answer = async () => new Response();
    await alerts.settle();
    expect(sent).toHaveLength(2);
    expect(lines.at(-1)).toMatchObject({ outcome: "sent" });
  });

  it("forget delivered ones before those that nobody has received", async () => {
    let answer: () => Promise<Response> = () => Promise.reject(new Error("away"));
    const { sent, lines, alerts } = fixtureOf(() => answer());
    alerts.consider({ ...event, userId: "undelivered" });
    await idle();
    answer = async () => new Response();
    for (let i = 0; i < MAX_ALERTS - 1; i++) alerts.consider({ ...event, userId: `u${i}` });
    await idle();
    for (let i = 0; i < 10; i++) alerts.consider({ ...event, userId: `v${i}` });
    await alerts.settle();
    const told = sent.map(({ init }) => (JSON.parse(init.body) as { userId: string }).userId);
    expect(told.filter((userId) => userId === "undelivered")).toHaveLength(2);
    expect(lines.filter(({ outcome }) => outcome === "given up")).toEqual([]);
  });
});

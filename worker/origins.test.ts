import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { healthKey } from "./policy/health.ts";
import { FakeKv, START } from "./test/clock.ts";
import { bench, FAULTS, good, route, type Answer } from "./test/forward-bench.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

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
    expect(results).toEqual([
      ...Array.from({ length: 5 }, () => "route.platform"),
      "route.none",
      "route.none",
      "route.none",
    ]);
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
    const self = bench({
      koyeb: (signal) => (calls++ % 4 === 0 ? Promise.reject(new TypeError("lost")) : good("koyeb")(signal)),
    });
    const results = [];
    for (let i = 0; i < 400; i++) results.push(await self.sendNow("safe"));
    expect(results.filter((result) => result === "route.none").length).toBeGreaterThan(0);
    expect(results.filter((result) => result === "200 fly").length).toBeLessThanOrEqual(20 + 40);
  });
});

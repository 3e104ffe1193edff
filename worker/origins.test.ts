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
  it("leaves an origin alone that the gateway's own probe finds down, and uses it again once a probe is answered", async () => {
    let dead = true;
    const self = bench({ koyeb: () => (dead ? Promise.reject(new TypeError("lost")) : good("koyeb")(null)) });
    expect(await self.sendNow("safe", "user-1")).toBe("200 fly");
    await self.probed();
    for (let i = 2; i < 8; i++) expect(await self.sendNow("safe", `user-${i}`)).toBe("200 fly");
    expect(self.sent.map(({ origin }) => origin)).toEqual(["koyeb", "fly", "fly", "fly", "fly", "fly", "fly", "fly"]);
    dead = false;
    vi.setSystemTime(START + 3_000);
    // Nobody's request finds out.
    expect(await self.sendNow("safe", "user-8")).toBe("200 fly");
    await self.probed();
    expect(await self.sendNow("safe", "user-9")).toBe("200 koyeb");
  });

  it("takes an origin from nobody because of one user's failures, however many and of whatever kind", async () => {
    const kinds = Object.keys(FAULTS).filter((kind) => kind !== "hang");
    let hostile = false;
    let turn = 0;
    const self = bench({
      koyeb: (signal) => ((hostile ? FAULTS[kinds[turn++ % kinds.length] ?? ""] : undefined) ?? good("koyeb"))(signal),
      // The probe is no request of a user: it finds the origin where it is.
      probe: good("koyeb"),
    });
    for (let i = 0; i < 200; i++) {
      vi.setSystemTime(START + i * 3000);
      hostile = true;
      await self.sendNow("claimed", "hostile");
      hostile = false;
      await self.probed();
      expect(await self.sendNow("safe", `honest-${i}`)).toBe("200 koyeb");
    }
    expect(self.probes.length).toBeGreaterThan(10);
  });

  it("leaves it in use when only one of two questions a second apart finds nobody", async () => {
    const self = bench({
      koyeb: FAULTS["network"] ?? good("koyeb"),
      probe: (signal) => (self.probes.length === 1 ? Promise.reject(new TypeError("lost")) : good("koyeb")(signal)),
    });
    await self.sendNow("safe", "user-1");
    await self.probed();
    await self.sendNow("safe", "user-2");
    expect(self.sent.map(({ origin }) => origin)).toEqual(["koyeb", "fly", "koyeb", "fly"]);
  });

  it("sends the user whose request failed elsewhere at once, for ten seconds", async () => {
    let dead = true;
    const self = bench({
      koyeb: () => (dead ? Promise.reject(new TypeError("lost")) : good("koyeb")(null)),
      probe: good("koyeb"),
    });
    await self.sendNow("safe", "user-1");
    dead = false;
    expect(await self.sendNow("safe", "user-1")).toBe("200 fly");
    expect(await self.sendNow("safe", "user-2")).toBe("200 koyeb");
    vi.setSystemTime(START + 10_000);
    expect(await self.sendNow("safe", "user-1")).toBe("200 koyeb");
  });

  it("answers at once that there is no origin while all of them are down", async () => {
    const dead: Answer = () => Promise.reject(new TypeError("lost"));
    const self = bench({ koyeb: dead, fly: dead });
    expect(await self.sendNow("safe")).toBe("route.platform");
    await self.probed();
    expect(await self.sendNow("safe")).toBe("route.none");
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

  it("stops retrying for a user whose requests need it too often, and for nobody else", async () => {
    let failing = true;
    const self = bench({
      koyeb: (signal) => (failing ? Promise.reject(new TypeError("lost")) : good("koyeb")(signal)),
      fly: (signal) => (failing ? Promise.reject(new TypeError("lost")) : good("fly")(signal)),
      probe: good("koyeb"),
    });
    for (let i = 0; i < 200; i++) await self.sendNow("safe", "hostile");
    expect(self.sent.filter(({ attempt }) => attempt === "2")).toHaveLength(30 + 20 - 1);
    failing = false;
    const other = bench({ koyeb: FAULTS["network"] ?? good("koyeb"), probe: good("koyeb") });
    for (let i = 0; i < 200; i++) expect(await other.sendNow("safe", `honest-${i}`)).toBe("200 fly");
  });
});

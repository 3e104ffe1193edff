import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClientBody } from "./body.ts";
import type { CallClass } from "./policy/era.ts";
import { START } from "./test/clock.ts";
import { after, bench, BUSY, FAULTS, good, own, REFUSED, route, untilAborted } from "./test/forward-bench.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

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
    ["platform404", "single", "200 fly", BOTH],
    ["refused", "single", "200 fly", BOTH],
    ["full", "single", "200 fly", BOTH],
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
    ["claimed", "refused", "route.refused"],
    ["single", "refused", "route.refused"],
    ["claimed", "platform404", "route.refused"],
    ["claimed", "full", "route.full"],
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
    const self = bench({ koyeb: FAULTS["network"] ?? good("koyeb"), probe: good("koyeb") });
    expect(await self.send("safe", body)).toBe("route.platform");
    expect(await self.send("claimed", body, "user-2")).toBe("route.unknown may have executed");
    expect(self.sent.every(({ origin }) => origin === "koyeb")).toBe(true);
  });

  it.each(["too-large", "broken", "slow"] as const)(
    "does not blame the origin for a client body that is %s",
    async (fate) => {
      const body: ClientBody = {
        kind: "stream",
        head: new Uint8Array(1),
        stream: new ReadableStream(),
        fate: () => fate,
        ended: Promise.resolve(),
      };
      const self = bench({ koyeb: FAULTS["network"] ?? good("koyeb") });
      for (let i = 0; i < 10; i++)
        expect(await self.send("safe", body)).toBe(
          { "too-large": "shape.size", broken: "route.timeout", slow: "shape.slow" }[fate],
        );
      expect(route(self)).toBe(Array.from({ length: 10 }, () => ONE).join(" "));
    },
  );

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
    expect(route(self)).toBe("koyeb:1 fly:2");
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
    const warm = bench({
      koyeb: (signal) => (calls++ === 0 ? good("koyeb")(signal) : after(5_100, good("koyeb"))(signal)),
    });
    expect(await warm.send("safe")).toBe("200 koyeb");
    expect(await warm.send("safe")).toBe("200 fly");
  });
});

import { describe, expect, it } from "vitest";
import { testEnvironment } from "../test/environment.ts";
import { loadFor } from "./traffic-load.ts";

const limits = (change: object = {}) => testEnvironment({ limits: change }).limits;

describe("what the demo sends", () => {
  it("is 120 requests a second from 48 users where the limits admit it", () => {
    expect(loadFor(undefined, { users: 48 })).toEqual({ users: 48, ratePerSecond: 120, userSpacingMs: 250 });
    expect(loadFor(limits(), { users: 48 })).toEqual({ users: 48, ratePerSecond: 120, userSpacingMs: 250 });
  });
  it.each<[string, object, number]>([
    ["a burst of one a second", { burstPerSecond: 1 }, 5],
    ["sixty a minute from one address", { perIpPerMinute: 60 }, 5],
    ["one call a second to a module", { modulesPerSecond: { time: 1 } }, 5],
    ["one call a second to a module that nobody calls", { modulesPerSecond: { notion: 1 } }, 25],
  ])("stays below %s", (_, change, most) => {
    const load = loadFor(limits(change), { users: 10 });
    expect(load.ratePerSecond).toBe(most);
    expect(load.ratePerSecond * load.userSpacingMs).toBeLessThanOrEqual(10 * 1000);
  });
  it("refuses a rate that the limits do not admit, and says which one they do", () => {
    expect(() => loadFor(limits({ burstPerSecond: 1 }), { users: 10, rate: 9 })).toThrow(
      expect.objectContaining({ code: "ERR_USAGE", hint: "--rate 8" }) as Error,
    );
    expect(() => loadFor(undefined, { users: 2, rate: 9 })).toThrow(
      expect.objectContaining({
        message: "--rate takes at most 4 requests per second and user",
        hint: "--rate 8",
      }) as Error,
    );
  });
  it("is one request a second at least, however low the limits are", () => {
    expect(loadFor(limits({ perIpPerMinute: 1 }), { users: 1 })).toEqual({
      users: 1,
      ratePerSecond: 1,
      userSpacingMs: 1000,
    });
  });
});

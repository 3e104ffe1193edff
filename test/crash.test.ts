/**
 * An origin's process dies or freezes in the middle of requests: at every step from the first statement to the stored result, for
 * every kind of request. The database says what really happened. Nothing runs twice, and "it worked" is said only where it did.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startCrashes, type Crashes, type Told } from "./crash-origins.ts";
import type { Point } from "./crash-origin.ts";

let world: Crashes;
beforeAll(async () => {
  world = await startCrashes();
});
// A gateway of its own for each test: breakers and the budget for retries remember the last one. It knows that the first origin is awake.
beforeEach(async () => {
  await world.renewGateway();
  expect(await world.call("plain", "look")).toMatchObject({ what: "ok", by: "koyeb" });
});
// Whatever became of the test, nobody is left frozen or waiting for the next one.
afterEach(async () => {
  await world.signal("koyeb", "SIGCONT");
  for (const name of ["koyeb", "fly"] as const) world.go(name);
});
afterAll(() => world?.close());

/** Requests that meet the death of the first origin at the point. Fewer than open its breaker. */
async function killedAt(point: Point, asks: readonly (() => Promise<Told>)[]): Promise<readonly Told[]> {
  const stopped = world.stopAt("koyeb", point, asks.length);
  const telling = Promise.all(asks.map((ask) => ask()));
  // Those that end without coming there are judged by what they were told.
  await Promise.race([stopped, telling]);
  await world.signal("koyeb", "SIGKILL");
  const told = await telling;
  await world.restart("koyeb");
  return told;
}
const call = (module: "plain" | "streamed", tool: "look" | "mark" | "upsert") => () => world.call(module, tool);
const schema = () =>
  world.request("tools/call", { name: "get_module_schema", arguments: {} }, { "mcp-name": "get_module_schema" });

describe("an origin that is killed", () => {
  it.each([
    ["lists and schemas", [() => world.request("tools/list", {}), () => world.request("server/discover", {}), schema]],
    ["tools", [call("plain", "look"), call("plain", "mark"), call("streamed", "mark"), call("plain", "upsert")]],
  ])("before it began: %s are answered by the other one, once", async (_, asks) => {
    for (const told of await killedAt("permissions", asks)) {
      expect(told).toMatchObject({ what: "ok", by: "fly" });
      expect((await world.effectsOf(told.id)).effects).toBeLessThanOrEqual(1);
    }
  });

  it("while it reads: the other one reads, and there is no claim", async () => {
    for (const told of await killedAt("before", [call("plain", "look"), call("plain", "look")])) {
      expect(told).toMatchObject({ what: "ok", by: "fly" });
      expect(await world.effectsOf(told.id)).toEqual({ effects: 0, claim: null });
    }
  });

  const writers = [
    call("plain", "mark"),
    call("plain", "upsert"),
    call("streamed", "mark"),
    call("streamed", "upsert"),
  ];
  it.each([
    ["claimed", 0],
    ["before", 0],
    ["after", 1],
  ] as const)("at '%s': calls with effects leave %i and are never called a success", async (point, effects) => {
    for (const [i, told] of (await killedAt(point, writers)).entries()) {
      // A stream may have begun: then its end is missing, and nobody may begin it again.
      expect(i < 2 ? ["unknown"] : ["unknown", "broken"]).toContain(told.what);
      expect(await world.effectsOf(told.id)).toEqual({ effects, claim: "claimed" });
    }
  });

  it("when the answer is out: only the stored result is lost", async () => {
    for (const told of await killedAt("finish", writers)) {
      expect(told).toMatchObject({ what: "ok", by: "koyeb" });
      expect(await world.effectsOf(told.id)).toEqual({ effects: 1, claim: "claimed" });
    }
  });

  it("is replaced by the other one until it is back", async () => {
    await world.signal("koyeb", "SIGKILL");
    const told = await world.call("plain", "mark");
    expect(told).toMatchObject({ what: "ok", by: "fly" });
    expect(await world.effectsOf(told.id)).toMatchObject({ effects: 1 });
    await world.restart("koyeb");
  });
});

describe("an origin that freezes", () => {
  it("with the claim in its hands and wakes up late: one effect, and the client hears of it", async () => {
    const timeouts = () =>
      world.gateway.events.filter(({ event, reason }) => event === "origin_failed" && reason === "timeout").length;
    const before = timeouts();
    const stopped = world.stopAt("koyeb", "before", 1);
    const second = world.stopAt("fly", ["waiting", "before"], 1);
    const telling = world.call("plain", "mark");
    expect(await Promise.race([stopped, telling])).toBe("before");
    await world.signal("koyeb", "SIGSTOP");
    world.go("koyeb");
    // The gateway has lost patience, and the other origin waits for the claim.
    await expect.poll(timeouts).toBeGreaterThan(before);
    expect(await Promise.race([second, telling])).toBe("waiting");
    await world.signal("koyeb", "SIGCONT");
    world.go("fly");
    const told = await telling;
    expect(told.what).toBe("ok");
    await expect.poll(() => world.effectsOf(told.id)).toEqual({ effects: 1, claim: "done" });
  });

  it("for good: a call with effects is 'unknown', whoever only reads gets the other one's answer", async () => {
    const stopped = world.stopAt("koyeb", "claimed", 1);
    const telling = world.call("plain", "mark");
    expect(await Promise.race([stopped, telling])).toBe("claimed");
    await world.signal("koyeb", "SIGSTOP");
    const [told, read] = await Promise.all([telling, world.call("plain", "look")]);
    expect(told.what).toBe("unknown");
    expect(read).toMatchObject({ what: "ok", by: "fly" });
    expect(await world.effectsOf(told.id)).toEqual({ effects: 0, claim: "claimed" });
    await world.signal("koyeb", "SIGKILL");
    await world.restart("koyeb");
  });
});

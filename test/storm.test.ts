/** Many calls at once while the wires to the origins break and heal under them: what holds for one request holds for all of them. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Chaos, CALL, type Fault, FAULTS, startChaos, type Told } from "./chaos.ts";

let chaos: Chaos;
// A gateway of its own for each storm: breakers and the budget for retries remember the last one.
beforeEach(async () => {
  chaos = await startChaos();
});
afterEach(() => chaos.close());

/** Numbers that look random and come out the same for the same seed (xorshift32). @returns from 0 to below 1 */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

describe("a storm", () => {
  const CALLS = 600;
  const AT_ONCE = 8;
  const headers = { "mcp-name": "call", "mcp-param-module": "lab", "mcp-param-tool": "effect" };

  it.each([
    ["the first origin's wire", [0], 1],
    ["both wires", [0, 1], 2],
  ])("on %s executes nothing twice, and says 'it worked' only where it did", async (_which, shaken, seed) => {
    const random = randomOf(seed);
    const weather: readonly Fault[] = ["none", "none", ...FAULTS];
    const told: Told[] = [];
    let left = CALLS;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) {
          // The weather changes under the requests of the others.
          if (random() < 0.3)
            chaos.wires[shaken[Math.floor(random() * shaken.length)] ?? 0]?.become(
              weather[Math.floor(random() * weather.length)] ?? "none",
            );
          told.push(await chaos.send("tools/call", CALL("effect"), headers, random() < 0.3));
        }
      }),
    );
    for (const wire of chaos.wires) wire.become("none");
    // What was under way when the last answer came has ended once every claim is settled.
    const ids = told.map(({ id }) => id).filter((id) => id !== "");
    const claims = async () =>
      (
        await chaos.database.admin.query<{ id: string; state: string }>(
          "select request_id::text as id, state from mcpist.call_claims",
        )
      ).filter(({ id }) => ids.includes(id));
    await expect.poll(async () => (await claims()).filter(({ state }) => state !== "done")).toEqual([]);

    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => chaos.effectsOf(id) > 1)).toEqual([]);
    expect(told.filter(({ id, what }) => what === "ok" && chaos.effectsOf(id) !== 1)).toEqual([]);
    expect((await claims()).map(({ id }) => id).toSorted()).toEqual(
      ids.filter((id) => chaos.effectsOf(id) > 0).toSorted(),
    );
    // It was a storm, and not everything drowned in it.
    expect(told.filter(({ what }) => what === "ok").length).toBeGreaterThan(0);
    expect(chaos.gateway.events.filter(({ event }) => event === "origin_failed").length).toBeGreaterThan(0);
  });
});

/**
 * The real gateway in workerd, two real origins with one database, and a wire between them that breaks in every way: whatever the
 * client is told, no tool ever runs twice for one request, and "it worked" is only said when it ran.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Chaos, FAULTS, REQUESTS, startChaos } from "./chaos.ts";

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos();
});
beforeEach(async () => {
  for (const wire of chaos.wires) wire.become("none");
  await chaos.nextUser();
});
afterAll(() => chaos.close());

/** One request of so many meets the fault: the others keep breaker and retry budget away. */
const ROUNDS = 6;

describe("failover between real origins", () => {
  const legacy = REQUESTS.filter(([name]) => ["a discovery", "a list of tools", "a call with effects"].includes(name));
  const cases = FAULTS.flatMap((fault) => [
    ...REQUESTS.map((request) => [fault, "modern", ...request] as const),
    ...legacy.map((request) => [fault, "legacy", ...request] as const),
  ]);
  it.each(cases)("%s, %s: %s", async (fault, era, _, callClass, method, params, headers) => {
    // Older revisions have no discovery.
    const [name, rest] = era === "legacy" && method === "server/discover" ? ["ping", {}] : [method, params];
    const hasEffects = headers["mcp-param-tool"] === "effect";
    const ids: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      if (round === 0) chaos.wires[0].become(fault);
      const told = await chaos.send(name, rest, headers, era === "legacy");
      if (round === 0) chaos.wires[0].become("none");
      ids.push(told.id);
      expect(chaos.effectsOf(told.id)).toBeLessThanOrEqual(1);
      if (told.what === "ok" && hasEffects) expect(chaos.effectsOf(told.id)).toBe(1);
      if (round > 0) expect(told).toMatchObject({ status: 200, what: "ok" });
      // Five bytes are missing: of the answer itself, or only of the end of a stream behind its answer.
      else if (fault === "reply cut")
        expect(["broken", "ok", callClass === "safe" ? "refused" : "unknown"]).toContain(told.what);
      // A request that may be repeated always gets its answer; a claimed one gets it or an honest "unknown".
      else expect(callClass === "safe" ? ["ok"] : ["ok", "unknown"]).toContain(told.what);
    }
    // The fault really happened, and was reported under the request that met it.
    if (fault !== "reply cut")
      await expect
        .poll(() => chaos.gateway.events.find(({ requestId }) => requestId === ids[0]))
        .toMatchObject({ event: "origin_failed", origin: "koyeb" });
    if (!hasEffects) return;
    const claims = await chaos.database.admin.query<{ id: string }>(
      "select request_id::text as id from mcpist.call_claims",
    );
    const claimed = claims.map(({ id }) => id).filter((id) => ids.includes(id));
    expect(claimed.toSorted()).toEqual(ids.filter((id) => chaos.effectsOf(id) > 0).toSorted());
  });
});

/** Hints of the sandbox that need one to start: printed by the real program. A sandbox takes seconds, so they stand apart. */
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { desk, type } from "../test/follow.ts";

describe("a hint of a sandbox that starts", () => {
  it("leads out: otherPorts, sandboxExample, scenarioNeeds", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port));
    });
    const place = desk({ fetch, realTime: true, env: { PATH: process.env["PATH"] ?? "" } });
    // The ports of a sandbox are counted up from here.
    const busy = await type(place, ["sandbox", "--empty", "--port-base", String(port), "--", "true"]);
    taken.close();
    expect(busy).toMatchObject({ code: 1, hint: "choose another --port-base, or leave it out" });
    const missing = await type(place, ["sandbox", "--empty", "--", "no-such-program-1f0c"]);
    expect(missing).toMatchObject({ code: 2, hint: "mcpist sandbox -- npx wrangler deployments list" });
    const bare = await type(place, ["sandbox", "--empty", "--scenario", "stopped", "--", "true"]);
    expect(bare).toMatchObject({ code: 1, hint: "leave out --empty (docs/sandbox.md says what each scenario needs)" });
  }, 120_000);
});

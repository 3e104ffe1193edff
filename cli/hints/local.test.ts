/** Hints of the sandbox that need one, or its folder: printed by the real program and followed. */
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findSandbox, register } from "../local/running.ts";
import { desk, type } from "../test/follow.ts";
import type { McpistError } from "../errors.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpist-hints-local-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const hintOf = async (work: Promise<unknown>): Promise<string | undefined> =>
  ((await work.catch((error: unknown) => error)) as McpistError).hint;

describe("a hint about sandboxes that run", () => {
  it("leads out: otherName", async () => {
    await register("one", {}, folder);
    expect(await hintOf(register("one", {}, folder))).toBe("choose another --name");
    expect(await register("two", {}, folder)).toMatchObject({ name: "two" });
  });
  it("leads out: startSandbox", async () => {
    expect(await hintOf(findSandbox(undefined, folder))).toBe("start one in another terminal: mcpist sandbox");
    await register(undefined, {}, folder);
    expect(await findSandbox(undefined, folder)).toMatchObject({ name: "sandbox" });
  });
  it("leads out: ownFolder", async () => {
    await chmod(folder, 0o777);
    const hint = await hintOf(findSandbox(undefined, folder));
    expect(hint).toBe(`rm -r ${folder}`);
    expect(spawnSync("sh", ["-c", hint ?? "false"]).status).toBe(0);
    expect(await register(undefined, {}, folder)).toMatchObject({ name: "sandbox" });
  });
});

describe("a hint of a sandbox that starts", () => {
  it("leads out: otherPorts, sandboxExample, scenarioNeeds", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port));
    });
    const place = desk({ fetch, realTime: true });
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

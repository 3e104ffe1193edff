/** Hints about sandboxes that run: what their folder is told about, followed. */
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findSandbox, register } from "../local/running.ts";
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
    // As it was asked for.
    const other = join(folder, "other");
    expect(await hintOf(findSandbox("mine", other))).toBe("start one in another terminal: mcpist sandbox --name mine");
    await register("mine", {}, other);
    expect(await findSandbox("mine", other)).toMatchObject({ name: "mine" });
  });
  it("leads out: ownFolder", async () => {
    await chmod(folder, 0o777);
    const hint = await hintOf(findSandbox(undefined, folder));
    expect(hint).toBe(`rm -r ${folder}`);
    expect(spawnSync("sh", ["-c", hint ?? "false"]).status).toBe(0);
    expect(await register(undefined, {}, folder)).toMatchObject({ name: "sandbox" });
  });
});

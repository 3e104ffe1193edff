import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findSandbox, refuseTaken, register, runningSandboxes } from "./running.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpist-running-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const env = (url: string) => ({ MCPIST_SANDBOX: url });

describe("sandboxes that run on one machine", () => {
  it("have names of their own, and each is joined by its own", async () => {
    const [one, two] = await Promise.all([
      register(undefined, env("one"), folder),
      register("demo", env("two"), folder),
    ]);
    expect([one.name, two.name]).toEqual(["sandbox", "demo"]);
    expect((await findSandbox("sandbox", folder)).env).toEqual(env("one"));
    expect((await findSandbox("demo", folder)).env).toEqual(env("two"));
    await two.end();
    expect((await findSandbox(undefined, folder)).name).toBe("sandbox");
  });

  it("never share a name, also when they start together", async () => {
    const names = await Promise.all(Array.from({ length: 4 }, (_, n) => register(undefined, env(String(n)), folder)));
    expect(names.map(({ name }) => name).toSorted()).toEqual(["sandbox", "sandbox-2", "sandbox-3", "sandbox-4"]);
    await expect(register("sandbox-2", env("x"), folder)).rejects.toThrow("a sandbox of that name runs already");
    await expect(refuseTaken("sandbox-2", folder)).rejects.toThrow("a sandbox of that name runs already");
    await expect(refuseTaken("sandbox-5", folder)).resolves.toBeUndefined();
  });

  it("are never guessed: several, and none of that name, are said with the names that there are", async () => {
    await expect(findSandbox(undefined, folder)).rejects.toThrow("no sandbox is running");
    await register("a", env("a"), folder);
    await register("b", env("b"), folder);
    await expect(findSandbox(undefined, folder)).rejects.toThrow("several sandboxes run: a, b");
    await expect(findSandbox("c", folder)).rejects.toThrow("no such sandbox is running: c; there are: a, b");
  });

  it("that died are forgotten, and their name is free again", async () => {
    // The highest process id that Linux has is far below this.
    await writeFile(join(folder, "sandbox.json"), JSON.stringify({ pid: 2 ** 30, env: env("dead") }));
    await writeFile(join(folder, "odd.json"), "{");
    expect(await runningSandboxes(folder)).toEqual([]);
    expect((await register(undefined, env("alive"), folder)).name).toBe("sandbox");
    expect((await findSandbox(undefined, folder)).env).toEqual(env("alive"));
  });

  it("leave what only this user may read", async () => {
    await register(undefined, env("one"), folder);
    expect((await stat(join(folder, "sandbox.json"))).mode & 0o777).toBe(0o600);
    await chmod(folder, 0o777);
    await expect(findSandbox(undefined, folder)).rejects.toThrow("can be written by somebody else");
  });
});

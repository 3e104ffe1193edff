import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Children } from "./children.ts";

let children: Children;
beforeEach(() => void (children = new Children()));
afterEach(() => children.close());
const node = (program: string) => children.run(process.execPath, ["--eval", program], process.cwd());

describe("programs of a check", () => {
  it("are told by how they ended and what they wrote", async () => {
    expect(await node('console.log("out"); console.error("err"); process.exitCode = 2')).toEqual({
      status: 2,
      stdout: "out\n",
      text: "out\nerr\n",
    });
  });

  it("that are not there are said, and throw nothing", async () => {
    expect(await children.run("/nowhere/terraform", [], process.cwd())).toMatchObject({
      status: 1,
      text: expect.stringMatching(/^\/nowhere\/terraform cannot be started: .*ENOENT/) as string,
    });
  });

  it("are asked to end when the check is, are waited for, and no other one is started", async () => {
    const running = node(
      'process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1000); console.log("up")',
    );
    // The listener of this class alone: the tests' own process stays.
    const before = new Set(process.listeners("SIGTERM"));
    const others = [...before].slice(0, -1);
    for (const listener of others) process.off("SIGTERM", listener);
    try {
      process.emit("SIGTERM", "SIGTERM");
    } finally {
      for (const listener of others) process.on("SIGTERM", listener);
    }
    // Ended by the signal itself where it came before the program listened.
    expect([1, 7]).toContain((await running).status);
    expect(children.interrupted).toBe(true);
    expect(await node("0")).toEqual({ status: 1, stdout: "", text: "interrupted" });
  });
});

/** The harness against a program that leaks on purpose: one channel at a time, and the right one. */
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { canWatch, hasStrace, NO_STRACE } from "./trace.ts";
import { type Channel, watch } from "./watch.ts";

const LEAKY = fileURLToPath(new URL("./leaky.ts", import.meta.url));
const leak = async (way: string) => {
  const value = randomBytes(32).toString("hex");
  return watch({ args: [LEAKY, way], stdin: value, canaries: () => [{ name: "planted", bytes: Buffer.from(value) }] });
};

const WAYS: readonly (readonly [way: string, channels: readonly Channel[]])[] = [
  ["argv", ["argv", "execve"]],
  ["environ", ["environ", "execve"]],
  ["argv of a program that ends at once", ["execve"]],
  ["environ of a program that ends at once", ["execve"]],
  ["argv in base64", ["argv", "execve"]],
  ["its own title", ["argv"]],
  ["stdout", ["stdout"]],
  ["stderr in an error", ["stderr"]],
  ["a file in HOME", ["write", "files"]],
  ["a hidden folder in TMPDIR", ["write", "files"]],
  ["a file's name", ["files"]],
  ["a link's target", ["files"]],
  ["a file in the working directory", ["write", "files"]],
  ["a file that is deleted again", ["write"]],
  ["bytes in a file that is deleted again", ["write"]],
];

beforeEach((context) => context.skip(!canWatch, NO_STRACE));

describe("canary harness", () => {
  it("has strace", () => {
    expect(hasStrace()).toBe(true);
  });

  it("is silent about a program that leaks nothing, and was not blind", async () => {
    const { leaks, exitCode, looked } = await leak("nothing");
    expect({ leaks, exitCode }).toEqual({ leaks: [], exitCode: 0 });
    for (const count of Object.values(looked)) expect(count).toBeGreaterThan(0);
  });

  it.each(WAYS)("finds a value in %s", async (way, channels) => {
    const { leaks } = await leak(way);
    const found = new Set(leaks.map(({ channel }) => channel));
    // A program that ends at once may or may not be met by the poll; strace meets it always.
    if (way.includes("at once")) found.delete(way.startsWith("argv") ? "argv" : "environ");
    expect([...found].toSorted()).toEqual([...channels].toSorted());
    expect(leaks.every(({ canary }) => canary === "planted")).toBe(true);
  });
});

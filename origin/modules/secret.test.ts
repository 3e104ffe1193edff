import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "./secret.ts";

describe("a secret", () => {
  const secret = new Secret("canary");
  it.each([
    ["a template", `token ${String(secret)}`],
    ["JSON", JSON.stringify({ secret })],
    ["inspect", inspect({ deep: { secret } }, { depth: 9, showHidden: true })],
    ["keys and values", JSON.stringify(Object.entries(secret))],
    ["an error", String(new Error("x", { cause: secret }).cause)],
    ["a clone", JSON.stringify(structuredClone({ secret: Object.assign({}, secret) }))],
  ])("is not in %s", (_, text) => {
    expect(text).not.toContain("canary");
  });
  it("gives itself up only when asked", () => {
    expect(secret.reveal()).toBe("canary");
  });
});

import { describe, expect, it } from "vitest";
import { patternsOf, readLook, stacksOf } from "./deploy.ts";

describe("what is deployed", () => {
  it("is named tier by tier, because the service waits for its base", () => {
    expect(patternsOf("staging", true)).toEqual(["staging-base-*"]);
    expect(patternsOf("staging", false)).toEqual(["staging-base-*", "staging-service-*"]);
  });
});

describe("what is planned", () => {
  it("is each stack by its name, and none of another environment", () => {
    const names = [
      "staging-base-edge",
      "staging-base-app-fly",
      "staging-service-fly",
      "staging-two-base-edge",
      "production-base-edge",
    ];
    const manifest = JSON.stringify({ stacks: Object.fromEntries(names.map((name) => [name, { name }])) });
    expect(stacksOf(manifest, patternsOf("staging", true))).toEqual(["staging-base-edge", "staging-base-app-fly"]);
    expect(stacksOf(manifest, patternsOf("staging", false))).toEqual([
      "staging-base-edge",
      "staging-base-app-fly",
      "staging-service-fly",
    ]);
    expect(stacksOf("{}", patternsOf("staging", false))).toEqual([]);
  });
});

describe("the look at the secrets", () => {
  it("is the live kid and the code", () => {
    expect(readLook(0, '{ "live": "b2df090667239828" }')).toEqual({ exitCode: 0, live: "b2df090667239828" });
    expect(readLook(3, '{ "live": null }')).toEqual({ exitCode: 3, live: null });
  });
  it.each(["", "error: no token", "[]", '"text"'])("is no look when it answers %j", (text) => {
    expect(readLook(2, text)).toBeNull();
  });
});

import { describe, expect, it } from "vitest";
import { testContext } from "../test/test-context.ts";
import { patternsOf, readLook, settled, stacksOf } from "./deploy.ts";

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
    expect(readLook(0, '{ "live": "b2df090667239828" }')).toEqual({
      exitCode: 0,
      live: "b2df090667239828",
      blind: false,
      error: null,
    });
    expect(readLook(3, '{ "live": null, "phase": "BLIND" }')).toEqual({
      exitCode: 3,
      live: null,
      blind: true,
      error: null,
    });
    expect(readLook(4, '{ "ok": false, "error": { "code": "ERR_UNAUTHORISED" } }')).toEqual({
      exitCode: 4,
      live: null,
      blind: false,
      error: { code: "ERR_UNAUTHORISED" },
    });
  });
  it.each(["", "error: no token", "[]", '"text"'])("is no look when it answers %j", (text) => {
    expect(readLook(2, text)).toBeNull();
  });
});

describe("the look after a deploy", () => {
  const looks = (...codes: readonly number[]) => {
    const left = [...codes];
    return async () => ({
      exitCode: left.length > 1 ? (left.shift() ?? 0) : (left[0] ?? 0),
      live: "b2df090667239828",
      blind: false,
      error: null,
    });
  };

  it("waits for instances that were just started, and says so once", async () => {
    const context = testContext();
    expect(await settled(looks(3, 3, 0), context)).toMatchObject({ exitCode: 0 });
    expect(context.slept).toEqual([5000, 5000]);
    expect(context.err()).toBe("wait  what was just deployed to be in step, up to 3 min\n");
  });
  it("gives up after three minutes", async () => {
    const context = testContext();
    expect(await settled(looks(3), context)).toMatchObject({ exitCode: 3 });
    expect(context.slept.reduce((sum, ms) => sum + ms, 0)).toBe(180_000);
  });
  it.each([0, 1, 4])("waits for nothing else: exit code %i", async (code) => {
    const context = testContext();
    expect(await settled(looks(code), context)).toMatchObject({ exitCode: code });
    expect(context.slept).toEqual([]);
  });
});

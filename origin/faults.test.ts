import { describe, expect, it } from "vitest";
import { faultOf } from "./faults.ts";

describe("an unexpected error in the log", () => {
  it("shows class, code and call sites, and nothing of its message", () => {
    const fault = faultOf(Object.assign(new TypeError("canary\n    at canary (file)"), { code: "ERR_X" }));
    expect(fault).toMatchObject({ error: "TypeError", code: "ERR_X" });
    expect(fault.frames[0]).toMatch(/^at .*faults\.test\.ts/);
    expect(JSON.stringify(fault)).not.toContain("canary");
  });
  it.each([
    ["text", "canary", "unknown"],
    ["nothing", undefined, "unknown"],
    ["an error whose name was chosen", Object.assign(new Error("x"), { name: "canary value" }), "unknown"],
    ["an error whose stack was rewritten", Object.assign(new Error("x"), { stack: "canary\n    at canary" }), "Error"],
    ["an error whose code is a sentence", Object.assign(new Error("x"), { code: "canary value" }), "Error"],
  ])("copes with %s", (_, thrown, error) => {
    const fault = faultOf(thrown);
    expect(fault.error).toBe(error);
    expect(JSON.stringify(fault)).not.toContain("canary");
  });
});

import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { RegisteredModule, RegisteredTool } from "../modules/registry.ts";
import { meantBy, nativeName, nativeTools } from "./native-names.ts";

const named = (name: string) => ({ name }) as RegisteredTool;
const user = (modules: Readonly<Record<string, readonly string[]>>) => ({
  active: true,
  perMinute: -1,
  plan: "free",
  monthExhausted: false,
  allowed: new Map(
    Object.entries(modules).map(([module, tools]) => [module, new Map(tools.map((tool) => [tool, named(tool)]))]),
  ),
});

describe("the name of a natively presented tool", () => {
  it.each([
    ["weather", "get_forecast", "weather__get_forecast"],
    ["weather", "get-forecast", "weather__get-forecast"],
    // A dot, which many hosts refuse.
    ["weather", "get.forecast", "weather__get_forecast_fda1fb803143"],
    ["weather", "get_forecast_fda1fb803143", "weather__get_forecast_fda1fb803143_f5a5a3998725"],
    ["weather", "x".repeat(55), `weather__${"x".repeat(55)}`],
    ["weather", "x".repeat(56), `weather__${"x".repeat(42)}_187aed2bdcfa`],
    ["a__b", "c", null],
    ["a_", "b", null],
    ["a.b", "c", null],
  ])("of %s and %s", (module, tool, name) => {
    expect(nativeName(module, tool)).toBe(name);
  });

  it("is taken by hosts, says its module, and belongs to one tool", () => {
    const module = fc
      .stringMatching(/^[a-z][a-z0-9_-]{0,30}$/)
      .filter((name) => !name.includes("__") && !name.endsWith("_"));
    const tool = fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/);
    fc.assert(
      fc.property(module, tool, module, tool, (a, b, c, d) => {
        const [first, second] = [nativeName(a, b), nativeName(c, d)];
        expect(first).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        expect(first?.split("__")[0]).toBe(a);
        expect(first === second).toBe(a === c && b === d);
      }),
    );
  });
});

describe("what a user may call", () => {
  it("is sorted by name, whatever the order of modules and tools", () => {
    const names = ["a__x", "b__x", "b__y", "b_c__x"];
    expect([...nativeTools(user({ b: ["y", "x"], a: ["x"], b_c: ["x"] })).keys()]).toEqual(names);
    expect([...nativeTools(user({ b_c: ["x"], a: ["x"], b: ["x", "y"] })).keys()]).toEqual(names);
  });
});

describe("the name of a tool that several users may call", () => {
  it("is made once", () => {
    const tool = named("get.forecast");
    const [first, second] = [1, 2].map(() =>
      nativeTools({ ...user({}), allowed: new Map([["weather", new Map([["get.forecast", tool]])]]) }).get(
        "weather__get_forecast_fda1fb803143",
      ),
    );
    expect(first).toEqual({ name: "weather__get_forecast_fda1fb803143", module: "weather", tool });
    expect(second).toBe(first);
  });
});

describe("the search for what was meant", () => {
  /** How many tools are looked at for a name. */
  const looksFor = (name: string): number => {
    let looks = 0;
    const counted = (tool: string) => ({
      get name() {
        looks++;
        return tool;
      },
    });
    const module = (tools: readonly string[]) =>
      ({ tools: new Map(tools.map((tool) => [tool, counted(tool)])) }) as unknown as RegisteredModule;
    const registry = new Map([
      ["hidden", module(["a.b", "c.d", "e"])],
      ["weather", module(["now", "get.forecast"])],
    ]);
    meantBy(registry, name);
    return looks;
  };
  it.each([
    "hidden__a_b_d13e73780ba5",
    "hidden__zz_0123456789ab",
    "nothing__zz_0123456789ab",
    "weather__0_0123456789ab",
  ])("costs the same whatever exists: %s", (name) => expect(looksFor(name)).toBe(5));
  it.each(["hidden__e", "hidden__nothing", "nothing__nothing", "nothing"])(
    "is not made for a name that is written out: %s",
    (name) => expect(looksFor(name)).toBe(0),
  );
});

describe("what a refused name was meant to be", () => {
  const registry = new Map([
    [
      "weather",
      { tools: new Map(["get.forecast", "now"].map((tool) => [tool, named(tool)])) } as unknown as RegisteredModule,
    ],
  ]);
  it.each([
    ["weather__now", { module: "weather", tool: "now" }],
    ["weather__get_forecast_fda1fb803143", { module: "weather", tool: "get.forecast" }],
    // Written out it would be the name of a tool that is shortened itself.
    ["weather__now_fda1fb803143", { module: "weather", tool: "now_fda1fb803143" }],
    ["weather__nothing", { module: "weather", tool: "nothing" }],
    ["time__set_system_clock", { module: "time", tool: "set_system_clock" }],
    ["nothing", { module: "nothing", tool: "" }],
    ["__proto__", { module: "__proto__", tool: "" }],
  ])("%s", (name, meant) => {
    expect(meantBy(registry, name)).toEqual(meant);
  });
});

describe("two tools with one native name", () => {
  it("are both left out, whichever comes first: which of them was approved, nobody could tell", () => {
    const { allowed, ...rest } = user({ weather: ["now"] });
    const twins = new Map([
      ["one", named("twin")],
      ["two", named("twin")],
      ["other", named("other")],
    ]);
    expect([...nativeTools({ ...rest, allowed: new Map([...allowed, ["lab", twins]]) }).keys()]).toEqual([
      "lab__other",
      "weather__now",
    ]);
  });
});

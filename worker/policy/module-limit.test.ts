import { describe, expect, it } from "vitest";
import { moduleCount, moduleInHeaders, moduleInParams } from "./module-limit.ts";

const RATES = { github: 2, notion: 1 };
const headers = (module: string | null, method = "tools/call") =>
  new Map([["mcp-method", method], ...(module === null ? [] : [["mcp-param-module", module] as const])]);

describe("module of a modern call", () => {
  it.each([
    ["github", "github"],
    ["=?base64?Z2l0aHVi?=", "github"],
    ["=?base64?w6Q=?=", "ä"],
    // The origin drops a byte order mark, so it must not make another module here.
    ["=?base64?77u/Z2l0aHVi?=", "github"],
    ["GitHub", "GitHub"],
    ["github, notion", "github, notion"],
    ["=?base64?Z2l0aHVi", "=?base64?Z2l0aHVi"],
  ])("%j is %j", (value, name) => {
    expect(moduleInHeaders(headers(value), "meta")).toEqual({ kind: "module", name });
  });

  it.each([
    ["a header that is missing", headers(null), { kind: "module", name: "" }],
    ["another method", headers("github", "tools/list"), { kind: "none" }],
  ])("%s belongs to no limit", (_case, given, module) => {
    expect(moduleInHeaders(given, "meta")).toEqual(module);
    // What names nothing that has a limit costs the same, or nothing.
    expect([null, { key: "*", rate: 1_000_000 }]).toContainEqual(moduleCount(moduleInHeaders(given, "meta"), RATES));
  });
});

it("counts what cannot be decoded as unread: whatever the origin makes of it, nothing is gained", () => {
  expect(moduleInHeaders(headers("=?base64?/w==?="), "meta")).toEqual({ kind: "unread" });
  expect(moduleInHeaders(headers("=?base64?Z?="), "meta")).toEqual({ kind: "unread" });
});

describe("module of a legacy call", () => {
  it.each([
    [
      { name: "call", arguments: { module: "github" } },
      { kind: "module", name: "github" },
    ],
    [{ name: "call", arguments: { module: 7 } }, { kind: "none" }],
    [{ name: "call", arguments: null }, { kind: "none" }],
    [{ name: "call" }, { kind: "none" }],
  ])("%j", (params, module) => {
    expect(moduleInParams(params, "meta")).toEqual(module);
  });
});

describe("count of a call", () => {
  it("is the module's own", () => {
    expect(moduleCount({ kind: "module", name: "github" }, RATES)).toEqual({ key: "github", rate: 2 });
  });

  it.each(["time", "GitHub", "", "__proto__", "toString", "constructor"])(
    "is one without a limit for %j, which costs the same",
    (name) => {
      expect(moduleCount({ kind: "module", name }, RATES)).toEqual({ key: "*", rate: 1_000_000 });
    },
  );

  it("is the strictest for a body that nobody read", () => {
    expect(moduleCount({ kind: "unread" }, RATES)).toEqual({ key: "?", rate: 1 });
  });

  it.each([undefined, {}])("is none without limits (%j)", (rates) => {
    for (const kind of ["unread", "none"] as const) expect(moduleCount({ kind }, rates)).toBeNull();
    expect(moduleCount({ kind: "module", name: "github" }, rates)).toBeNull();
  });
});

describe("where tools are presented natively", () => {
  const named = (name: string) =>
    new Headers({ "mcp-method": "tools/call", "mcp-name": name, "mcp-param-module": "time" });
  it.each([
    ["weather__get_forecast", { kind: "module", name: "weather" }],
    ["weather___hidden", { kind: "module", name: "weather" }],
    ["=?base64?d2VhdGhlcl9fZ2V0X2ZvcmVjYXN0?=", { kind: "module", name: "weather" }],
    ["get_module_schema", { kind: "none" }],
    ["__proto__", { kind: "none" }],
    ["", { kind: "none" }],
  ])("a call of %s is counted by its module", (name, module) => {
    expect(moduleInHeaders(named(name), "native")).toEqual(module);
  });
  it("the body's own name counts for older revisions, and no argument does", () => {
    const params = { name: "weather__get_forecast", arguments: { module: "time" } };
    expect(moduleInParams(params, "native")).toEqual({ kind: "module", name: "weather" });
    expect(moduleInParams({ name: 5, arguments: { module: "time" } }, "native")).toEqual({ kind: "none" });
  });
});

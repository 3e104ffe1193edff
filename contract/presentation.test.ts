import { describe, expect, it } from "vitest";
import { isNativeModule, splitNative } from "./presentation.ts";
import { SERVER_NAME } from "./servers.ts";

describe("the border in the name of a natively presented tool", () => {
  it.each([
    ["weather__get_forecast", { module: "weather", rest: "get_forecast" }],
    ["a__b__c", { module: "a", rest: "b__c" }],
    ["a___b", { module: "a", rest: "_b" }],
    ["http_status__check", { module: "http_status", rest: "check" }],
    ["a__", { module: "a", rest: "" }],
    ["__proto__", null],
    ["weather", null],
    ["", null],
  ])("%s", (name, parts) => {
    expect(splitNative(name)).toEqual(parts);
  });

  it.each(["a__b", "a_", "_", "a__"])("is no part of a module's name: %s", (name) => {
    expect(isNativeModule(name)).toBe(false);
    expect(SERVER_NAME.test(name)).toBe(false);
  });
  it.each(["a", "a_b", "a-b", "a_b_c", "x".repeat(31)])("is found behind %s", (name) => {
    expect(isNativeModule(name)).toBe(true);
    expect(SERVER_NAME.test(name)).toBe(true);
  });
  it.each(["x".repeat(32), "A", "1a", "a.b", ""])("no server is called %s", (name) => {
    expect(SERVER_NAME.test(name)).toBe(false);
  });
});

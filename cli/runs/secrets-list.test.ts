import { describe, expect, it } from "vitest";
import { secretSpecs } from "../../contract/secret-names.ts";
import type { Held } from "../secrets/marks.ts";
import { listed } from "./secrets-list.ts";

const NOW = Date.parse("2026-11-29T12:00:00Z");
const MARK = "9b2d70c4418ea6f5";
const OWN = secretSpecs({
  secrets: {
    WEATHER_KEY: { purpose: "key of the weather service", shape: "text", to: ["origins", "worker", "github"] },
  },
}).at(-1);
const held = (name: string, mark: string | null, stamps = { WEATHER_KEY: "1" }): Held => ({
  name,
  look: {
    ok: true,
    stamps,
    instances: [{ id: "i1", marks: { WEATHER_KEY: mark } }],
  },
});
const at = (date: string | null) => ({ mark: MARK, at: date, stamps: { koyeb: "1", fly: "1" } });
const spec = () => OWN ?? expect.fail("there is no spec");

describe("a secret in the list", () => {
  it("says what it is for, where it goes, how old it is, and that every instance has it", () => {
    expect(listed(spec(), true, [held("koyeb", MARK), held("fly", MARK)], at("2026-11-20T13:00:00Z"), NOW)).toEqual({
      name: "WEATHER_KEY",
      purpose: "key of the weather service",
      targets: ["koyeb", "fly"],
      needed: true,
      ageDays: 8,
      overdue: false,
      standing: { koyeb: { kind: "proven", instances: 1 }, fly: { kind: "proven", instances: 1 } },
      lackedBy: [],
    });
  });
  it("names who lacks it", () => {
    const origins = [held("koyeb", MARK), held("fly", "0123456789abcdef")];
    expect(listed(spec(), true, origins, at("2026-11-20T13:00:00Z"), NOW).lackedBy).toEqual(["fly"]);
  });
  it.each([
    ["is overdue after half a year", at("2026-05-01T00:00:00Z"), { ageDays: 212, overdue: true }],
    ["has no age before its first put", undefined, { ageDays: null, overdue: false }],
    ["has no age when its put did not end", at(null), { ageDays: null, overdue: false }],
    ["is no younger than today by a clock that is ahead", at("2026-12-01T00:00:00Z"), { ageDays: 0, overdue: false }],
  ])("%s", (_, record, expected) => {
    expect(listed(spec(), true, [held("koyeb", MARK)], record, NOW)).toMatchObject(expected);
  });
  it("is lacking nowhere when nothing uses it, or when nobody can be seen", () => {
    expect(listed(spec(), false, [held("koyeb", null)], undefined, NOW)).toMatchObject({ standing: {}, lackedBy: [] });
    const blind: Held = { name: "koyeb", look: { ok: false, reason: "no answer" } };
    expect(listed(spec(), true, [blind], at("2026-11-20T13:00:00Z"), NOW)).toMatchObject({
      standing: { koyeb: { kind: "unknown", why: "no answer" } },
      lackedBy: [],
    });
  });
});

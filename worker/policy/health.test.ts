import { describe, expect, it } from "vitest";
import { HEALTH_TTL_SECONDS } from "../constants.ts";
import { type Health, judgeHealth, parseHealth, transition } from "./health.ts";

const AT = "2026-11-22T12:00:00.000Z";
const BEFORE = "2026-11-22T11:00:00.000Z";
const up = { state: "up", reason: "200" } as const;
const down = { state: "down", reason: "no answer" } as const;

describe("health of an origin", () => {
  it.each([
    [up, { status: 200, headers: new Headers() }],
    [down, null],
    [
      { state: "down", reason: "503" },
      { status: 503, headers: new Headers({ "x-mcpist-deny": "db" }) },
    ],
    [
      { state: "draining", reason: "503" },
      { status: 503, headers: new Headers({ "x-mcpist-deny": "draining" }) },
    ],
    [
      { state: "down", reason: "403" },
      { status: 403, headers: new Headers() },
    ],
  ])("is judged: %j", (expected, response) => {
    expect(judgeHealth(response)).toEqual(expected);
  });

  it("is written when it changes, and renewed only while the origin is not up", () => {
    expect(transition(null, up, AT)).toBeNull();
    expect(transition({ ...up, since: BEFORE }, up, AT)).toBeNull();
    expect(transition(null, down, AT)).toEqual({ ...down, since: AT, writtenAt: AT });
    expect(transition({ ...down, since: BEFORE }, down, AT)).toEqual({ ...down, since: BEFORE, writtenAt: AT });
    expect(transition({ ...down, since: BEFORE, writtenAt: BEFORE }, down, AT)).toEqual({
      ...down,
      since: BEFORE,
      writtenAt: AT,
    });
    expect(transition({ ...down, since: BEFORE, writtenAt: "2026-11-22T11:45:00.000Z" }, down, AT)).toBeNull();
    expect(transition({ ...down, since: BEFORE, writtenAt: AT }, up, AT)).toEqual({ ...up, since: AT, writtenAt: AT });
  });

  it("takes some fifty writes for a day of looking at a dead origin every minute, and never lets the entry expire", () => {
    const start = Date.parse(AT);
    let entry: Health | null = null;
    let writes = 0;
    for (let minute = 0; minute < 24 * 60; minute++) {
      const at = start + minute * 60_000;
      const next = transition(entry, down, new Date(at).toISOString());
      if (next) writes++;
      entry = next ?? entry;
      expect(at - Date.parse(entry?.writtenAt ?? "")).toBeLessThan(HEALTH_TTL_SECONDS * 1000);
    }
    expect(writes).toBe(48);
    expect(entry?.since).toBe(AT);
  });

  it.each([null, "", "{", "[]", '{"state":"gone","since":"x","reason":"y"}', '{"state":"up"}'])(
    "ignores an odd entry: %j",
    (text) => {
      expect(parseHealth(text)).toBeNull();
    },
  );

  it("reads what it writes", () => {
    const health = { ...down, since: AT, writtenAt: AT };
    expect(parseHealth(JSON.stringify(health))).toEqual(health);
  });
});

import { describe, expect, it } from "vitest";
import type { SecurityEvent } from "../../contract/security-event.ts";
import type { Database } from "../database/database.ts";
import { COLLAPSE_MS, createLog, loggableNames } from "./log.ts";

function fixture(query: Database["query"] = async () => []) {
  const state = { now: 0 };
  const lines: Record<string, unknown>[] = [];
  const written: SecurityEvent[] = [];
  const database = { query } as Database;
  const log = createLog({
    origin: "koyeb",
    line: (line) => lines.push({ ...line }),
    database,
    wallClock: () => new Date(1_795_354_095_000 + state.now),
    now: () => state.now,
    onWritten: (event) => written.push(event),
  });
  return { state, lines, written, log };
}
const refused = {
  event: "tool_refused",
  severity: "warn",
  requestId: "r",
  userId: "u",
  verdict: "nonexistent",
} as const;

describe("security log", () => {
  it("writes the first of equal events at once and the rest as one line with a count", async () => {
    const { state, lines, log } = fixture();
    for (let i = 0; i < 5; i++) log.record({ ...refused, tool: "a", requestId: `r${i}` });
    log.record({ ...refused, tool: "b" });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toEqual({
      at: "2026-11-22T13:28:15.000Z",
      layer: "origin",
      origin: "koyeb",
      ...refused,
      tool: "a",
      requestId: "r0",
    });
    state.now = COLLAPSE_MS;
    await log.flush();
    expect(lines[2]).toMatchObject({ tool: "a", requestId: "r4", count: 4 });
    log.record({ ...refused, tool: "a" });
    expect(lines).toHaveLength(4);
  });

  it("loses no event when it is closed early", async () => {
    const { lines, log } = fixture();
    for (let i = 0; i < 3; i++) log.record(refused);
    await log.flush(true);
    expect(lines.reduce((sum, line) => sum + Number(line["count"] ?? 1), 0)).toBe(3);
  });

  it("keeps rows while the database is away, bounded, and writes them with their age later", async () => {
    const batches: { age: number; user_id: string }[][] = [];
    let down = true;
    const { state, log } = fixture((async (_: string, parameters: readonly unknown[]) => {
      if (down) throw new Error("down");
      batches.push(JSON.parse(String(parameters[0])) as { age: number; user_id: string }[]);
      return [];
    }) as Database["query"]);
    for (let i = 0; i < 2_100; i++) log.record({ ...refused, userId: `u${i}` });
    await log.flush();
    expect(log.lostRows).toBe(100);
    state.now = 3_000;
    down = false;
    await log.flush();
    expect(batches[0]).toHaveLength(2_000);
    expect(batches[0]?.[0]).toMatchObject({ age: 3, user_id: "u0" });
  });

  it("gives up the one row that the database does not take, and writes all others", async () => {
    const rows: string[] = [];
    const { log } = fixture((async (_: string, parameters: readonly unknown[]) => {
      const batch = JSON.parse(String(parameters[0])) as { user_id: string }[];
      if (batch.some((row) => row.user_id === "u7")) throw Object.assign(new Error("canary"), { code: "23514" });
      rows.push(...batch.map((row) => row.user_id));
      return [];
    }) as Database["query"]);
    const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
    for (const userId of users) log.record({ ...refused, userId });
    await log.flush();
    await log.flush();
    expect(rows.toSorted()).toEqual(users.filter((userId) => userId !== "u7").toSorted());
    expect(log.lostRows).toBe(1);
  });

  it("writes rows again when the id that the database gave was taken, and gives up none", async () => {
    const rows: string[] = [];
    let clashes = 1;
    const { log } = fixture((async (_: string, parameters: readonly unknown[]) => {
      if (clashes-- > 0) throw Object.assign(new Error("canary"), { code: "23505" });
      rows.push(...(JSON.parse(String(parameters[0])) as { user_id: string }[]).map((row) => row.user_id));
      return [];
    }) as Database["query"]);
    for (const userId of ["u1", "u2"]) log.record({ ...refused, userId });
    await log.flush();
    expect([rows, log.lostRows]).toEqual([["u1", "u2"], 0]);
  });

  it.each([
    ["time", "now", { module: "time", tool: "now" }],
    ["time", null, { module: "time" }],
    ["a b", "now", { nameHash: expect.stringMatching(/^[0-9a-f]{32}:6$/) as string }],
    ["time", "x".repeat(65), { nameHash: expect.stringMatching(/^[0-9a-f]{32}:69$/) as string }],
    ["time", "now\n{}", { nameHash: expect.stringMatching(/^[0-9a-f]{32}:10$/) as string }],
  ])("names %j and %j as %j", (module, tool, expected) => {
    expect(loggableNames(module, tool)).toEqual(expected);
  });

  it("gives different hashes to names that only look the same when joined", () => {
    expect(loggableNames("a b", "c").nameHash).not.toBe(loggableNames("a", "b c").nameHash);
  });
});

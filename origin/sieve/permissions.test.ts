import { describe, expect, it } from "vitest";
import type { Database } from "../database/database.ts";
import { createPermissionCache } from "./permissions.ts";

const ROW = { status: "active", plan_id: "free", per_minute: 30, month_exhausted: false, version: "1", granted: [] };

/** A database whose answers wait until they are released, in the order of the questions. */
function fixture() {
  const waiting: (() => void)[] = [];
  let asked = 0;
  const database = {
    query: () => {
      asked++;
      return new Promise((resolve) => waiting.push(() => resolve([ROW])));
    },
  } as unknown as Database;
  const cache = createPermissionCache({ database, registry: new Map(), now: () => 0, onGrace: () => {} });
  const answer = async (): Promise<void> => {
    waiting.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { cache, answer, asked: () => asked };
}

describe("permissions that are being read", () => {
  it("are not read again because other users changed", async () => {
    const { cache, answer, asked } = fixture();
    const reading = cache.get("a");
    for (let i = 0; i < 100; i++) cache.drop(`u${i}`);
    await answer();
    expect(await reading).toMatchObject({ active: true });
    expect(asked()).toBe(1);
  });

  it.each(["drop", "clear"] as const)("are read again after a %s of the same user", async (way) => {
    const { cache, answer, asked } = fixture();
    const reading = cache.get("a");
    cache[way]("a");
    await answer();
    expect(asked()).toBe(2);
    await answer();
    expect(await reading).toMatchObject({ active: true });
    expect(await cache.get("a")).toMatchObject({ active: true });
    expect(asked()).toBe(2);
  });
});

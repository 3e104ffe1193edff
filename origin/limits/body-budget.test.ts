import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BUDGET_BYTES, createBodyBudget, FREE_BYTES, USER_BYTES, type Room } from "./body-budget.ts";
import { MAX_BODY_BYTES } from "../calls/mcp.ts";

describe("room for bodies", () => {
  it("fits one body of the largest size for each of several users, and no second one for the same", () => {
    const budget = createBodyBudget();
    const rooms = Array.from({ length: BUDGET_BYTES / USER_BYTES }, (_, i) => budget.room(`u${i}`));
    for (const room of rooms) expect(room.grow(MAX_BODY_BYTES)).toBe(true);
    expect(budget.room("u0").grow(FREE_BYTES + 1)).toBe(false);
    expect(budget.room("late").grow(FREE_BYTES + 1)).toBe(false);
    // An ordinary call finds room all the same.
    expect(budget.room("u0").grow(FREE_BYTES)).toBe(true);
    rooms[0]?.release();
    expect(budget.room("late").grow(MAX_BODY_BYTES)).toBe(true);
  });

  it("is not given twice, and not after it was given back", () => {
    const budget = createBodyBudget();
    const room = budget.room("u");
    expect(room.grow(100_000)).toBe(true);
    expect(room.grow(50_000)).toBe(true);
    expect(budget.held).toBe(100_000);
    room.release();
    room.release();
    expect(budget.held).toBe(0);
    expect([room.grow(100_000), room.grow(1)]).toEqual([false, false]);
  });

  it("never holds more than its bounds, and nothing once everybody has left", () => {
    const [total, perUser, free] = [100, 40, 5];
    const user = fc.constantFrom("a", "b", "c", "d");
    fc.assert(
      fc.property(fc.array(fc.tuple(user, fc.nat(60), fc.nat(2)), { maxLength: 200 }), (steps) => {
        const budget = createBodyBudget({ total, perUser, free });
        const rooms: { userId: string; room: Room; mine: number }[] = [];
        for (const [userId, bytes, kind] of steps) {
          if (kind === 0) rooms.push({ userId, room: budget.room(userId), mine: 0 });
          const chosen = rooms.findLast((entry) => entry.userId === userId);
          if (!chosen) continue;
          if (kind === 1 && chosen.room.grow(bytes) && bytes > free) chosen.mine = Math.max(chosen.mine, bytes);
          if (kind === 2) {
            chosen.room.release();
            chosen.mine = 0;
          }
          const sum = (of: string | null): number =>
            rooms
              .filter((entry) => of === null || entry.userId === of)
              .reduce((bytesOf, entry) => bytesOf + entry.mine, 0);
          expect(budget.held).toBe(sum(null));
          expect(sum(null)).toBeLessThanOrEqual(total);
          expect(sum(userId)).toBeLessThanOrEqual(perUser);
        }
        for (const { room } of rooms) room.release();
        expect(budget.held).toBe(0);
      }),
    );
  });
});

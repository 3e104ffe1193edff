import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Shares } from "./shares.ts";

const clock = { now: 0 };
const shares = (perUser: number, total: number): Shares => {
  clock.now = 0;
  return new Shares({ perUser, total }, () => clock.now);
};

describe("shares", () => {
  it("give a user no more than the user's own, whatever is free", () => {
    const self = shares(2, 10);
    expect([1, 2, 3].map(() => self.take("a", 1, 1000) !== null)).toEqual([true, true, false]);
    expect(self.take("b", 1, 1000)).not.toBeNull();
  });

  it("end with their deadline although nobody gives them back", () => {
    const self = shares(2, 3);
    self.take("a", 2, 1000);
    self.take("b", 1, 5000);
    expect(self.take("c", 1, 1000)).toBeNull();
    clock.now = 1000;
    expect(self.take("c", 2, 1000)).not.toBeNull();
    expect(self.held).toBe(3);
  });

  it("are free again when they are given back, once", () => {
    const self = shares(1, 1);
    const share = self.take("a", 1, 1000);
    share?.release();
    share?.release();
    expect(self.held).toBe(0);
    expect(self.take("a", 1, 1000)).not.toBeNull();
    share?.release();
    expect(self.held).toBe(1);
  });

  it("grow as far as there is room, and not after their end", () => {
    const self = shares(4, 6);
    const share = self.take("a", 1, 1000);
    expect([share?.grow(4), share?.grow(5), self.held]).toEqual([true, false, 4]);
    share?.release();
    expect([share?.grow(1), self.held]).toEqual([false, 0]);
  });

  it("hold nothing for one that grows when its time is over", () => {
    const self = shares(4, 6);
    const share = self.take("a", 1, 1000);
    clock.now = 1000;
    expect([share?.grow(4), self.held]).toEqual([false, 1]);
    share?.release();
    expect(self.held).toBe(0);
    expect(self.take("b", 4, 1000)).not.toBeNull();
    expect(self.held).toBe(4);
  });

  it("are not remembered while they are shares of nothing: a client that vanished gives nothing back", () => {
    const self = shares(4, 6);
    const share = self.take("a", 0, 1000);
    expect(self.users).toBe(0);
    expect([share?.grow(2), self.held, self.users]).toEqual([true, 2, 1]);
    expect([share?.release(), self.held, self.users]).toEqual([undefined, 0, 0]);
    expect([share?.grow(2), self.users]).toEqual([false, 0]);
  });

  it("never hold more than there is, and nothing once all leases have ended", () => {
    const step = fc.record({
      user: fc.nat(4),
      amount: fc.nat(5),
      ms: fc.nat(50),
      pass: fc.nat(20),
      growth: fc.nat(8),
      late: fc.nat(60),
      release: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const self = shares(6, 15);
        for (const { user, amount, ms, pass, growth, late, release } of steps) {
          const share = self.take(String(user), amount, ms);
          expect(self.held).toBeLessThanOrEqual(15);
          clock.now += late;
          share?.grow(growth);
          expect(self.held).toBeLessThanOrEqual(15);
          if (release) share?.release();
          clock.now += pass;
        }
        clock.now += 10_000;
        expect(self.take("last", 6, 1) ?? self.take("last", 6, 1)).not.toBeNull();
        self.take("more", 6, 1);
        expect(self.held).toBeLessThanOrEqual(15);
      }),
    );
  });
});

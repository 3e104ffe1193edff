import { describe, expect, it } from "vitest";
import { Lru } from "./lru.ts";

describe("lru", () => {
  it("forgets what was not used for longest", () => {
    const lru = new Lru<string, number>(2);
    lru.set("a", 1);
    lru.set("b", 2);
    lru.get("a");
    lru.set("c", 3);
    expect([lru.get("a"), lru.get("b"), lru.get("c"), lru.size]).toEqual([1, undefined, 3, 2]);
  });

  it("does not grow", () => {
    const lru = new Lru<number, number>(100);
    for (let i = 0; i < 10_000; i++) lru.set(i, i);
    lru.delete(9999);
    expect([lru.size, lru.get(9999)]).toEqual([99, undefined]);
  });
});

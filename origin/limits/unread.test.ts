import { describe, expect, it } from "vitest";
import { createUnread } from "./unread.ts";

/** Answers of users, each with what of it is unread. @returns names of those that were cut, in order */
function cutOf(answers: readonly (readonly [user: string, name: string, bytes: number])[]): readonly string[] {
  const unread = createUnread({ perUser: 100, total: 300 });
  const cut: string[] = [];
  for (const [user, name, writableLength] of answers)
    unread.begin(user, { writableLength, destroy: () => void cut.push(name) });
  expect(unread.weigh()).toBe(cut.length);
  expect(unread.weigh()).toBe(0);
  return cut;
}

describe("unread answers", () => {
  it("stay, as long as they fit", () => {
    expect(cutOf([])).toEqual([]);
    expect(
      cutOf([
        ["a", "a1", 60],
        ["a", "a2", 40],
        ["b", "b1", 100],
        ["c", "c1", 100],
      ]),
    ).toEqual([]);
  });

  it("go, the oldest first, when a user leaves too much of them", () => {
    expect(
      cutOf([
        ["a", "a1", 50],
        ["a", "a2", 0],
        ["a", "a3", 50],
        ["a", "a4", 90],
        ["b", "b1", 10],
      ]),
    ).toEqual(["a1", "a3"]);
  });

  it("go of whoever has the most, when all together are too much", () => {
    const greedy = ["a", "b", "c", "d"].flatMap(
      (user) =>
        [
          [user, `${user}1`, 50],
          [user, `${user}2`, 50],
        ] as const,
    );
    expect(cutOf([["honest", "h", 20], ...greedy])).toEqual(["a1", "b1", "c1", "d1"]);
  });

  it("are forgotten when they have left", () => {
    const unread = createUnread({ perUser: 100, total: 300 });
    const destroy = () => {
      throw new Error("cut");
    };
    const forget = Array.from({ length: 5 }, () => unread.begin("a", { writableLength: 90, destroy }));
    for (const each of [...forget, ...forget]) each();
    expect(unread.weigh()).toBe(0);
  });
});

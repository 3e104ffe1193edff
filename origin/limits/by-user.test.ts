import { expect, it } from "vitest";
import { addFor } from "./by-user.ts";

it("a user is there as long as something of theirs is, and nobody loses what somebody else took away twice", () => {
  const users = new Map<string, Set<string>>();
  const takeFirst = addFor(users, "anna", "first");
  const takeSecond = addFor(users, "anna", "second");
  addFor(users, "ben", "first");
  takeFirst();
  takeFirst();
  expect([...users]).toEqual([
    ["anna", new Set(["second"])],
    ["ben", new Set(["first"])],
  ]);
  takeSecond();
  addFor(users, "anna", "third");
  takeSecond();
  expect(users.get("anna")).toEqual(new Set(["third"]));
});

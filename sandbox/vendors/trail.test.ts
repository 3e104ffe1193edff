import { expect, it } from "vitest";
import { Trail } from "./trail.ts";

it("tells what something was at a time, and that it was not there before", () => {
  const trail = new Trail<string>();
  trail.note("starting", 1000);
  trail.note("started", 2000);
  expect([999, 1000, 1999, 2000, 9000].map((time) => trail.at(time))).toEqual([
    null,
    "starting",
    "starting",
    "started",
    "started",
  ]);
});

it("forgets what is older than anything may lag, and keeps the state that such a time had", () => {
  const trail = new Trail<number>();
  trail.note(1, 0);
  trail.note(2, 1000);
  trail.note(3, 700_000);
  expect([500, 1000, 99_999, 700_000].map((time) => trail.at(time))).toEqual([null, 2, 2, 3]);
});

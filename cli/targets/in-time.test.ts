import { expect, it } from "vitest";
import { inTime, LATE } from "./in-time.ts";

const never = new Promise<string>(() => undefined);

it.each([
  ["what comes in time is taken", 60_000, () => Promise.resolve("came"), "came"],
  ["what never comes is not waited for", 1, () => never, "late"],
  ["without a time it is waited for", Number.POSITIVE_INFINITY, () => Promise.resolve("came"), "came"],
])("%s", async (_, ms, work, expected) => {
  expect(await inTime(ms, work(), () => "late")).toBe(expected);
});

it("what fails in time fails, and what fails later is nobody's business", async () => {
  await expect(inTime(60_000, Promise.reject(new Error("refused")), () => "late")).rejects.toThrow("refused");
  const late = Promise.withResolvers<string>();
  expect(await inTime(1, late.promise, () => "late")).toBe("late");
  late.reject(new Error("too late"));
  await new Promise(setImmediate);
});

it("an origin that did not answer in time is not seen", () => {
  expect(LATE()).toEqual({ ok: false, reason: "its platform or its instances did not answer in time" });
});

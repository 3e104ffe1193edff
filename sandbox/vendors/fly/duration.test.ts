import { expect, it } from "vitest";
import { durationMs } from "./duration.ts";

it.each([
  ["5s", 5000],
  ["65s", 65_000],
  ["1m5s", 65_000],
  ["2m", 120_000],
  ["1h0m1s", 3_601_000],
  ["0s", 0],
  ["", null],
  ["5", null],
  ["5 s", null],
  ["-5s", null],
  ["1.5s", null],
])("reads the duration %j", (text, ms) => expect(durationMs(text)).toBe(ms));

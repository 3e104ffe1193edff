import { expect, test } from "vitest";
import { Governor } from "./governor.ts";
import { nothingSpare } from "./machine.ts";
import { slowAmong, type Failed } from "./slowness.ts";

test.each<[string, { readonly idle: number; readonly all: number }, boolean]>([
  ["half of the time is idle", { idle: 150, all: 300 }, false],
  ["a tenth of the time is idle", { idle: 120, all: 300 }, false],
  ["less is idle", { idle: 119, all: 300 }, true],
  ["no tick was counted", { idle: 100, all: 100 }, false],
])("a machine of which %s", (_, after, busy) => {
  expect(nothingSpare({ idle: 100, all: 100 }, after)).toBe(busy);
});

const calm = { busy: false, p50Ms: 20, oldestMs: 0 };
test("a load is halved while a busy machine lets people wait, each time after what was sent before", () => {
  const governor = new Governor(120);
  const slow = { busy: true, p50Ms: 1500, oldestMs: 0 };
  const rates = Array.from({ length: 10 }, () => governor.second(slow));
  expect(rates).toEqual([60, null, null, null, 30, null, null, null, 15, null]);
});
test.each([
  ["nobody waits", { busy: true, p50Ms: 900, oldestMs: 2900 }, null],
  ["one waits for long", { busy: true, p50Ms: 20, oldestMs: 3100 }, 60],
  ["the machine has time to spare: then the service is at fault", { busy: false, p50Ms: 9000, oldestMs: 9000 }, null],
  ["all is calm", calm, null],
])("a load when %s", (_, second, rate) => {
  expect(new Governor(120).second(second)).toBe(rate);
});
test("a load never ends altogether", () => {
  expect(new Governor(3).second({ busy: true, p50Ms: 9000, oldestMs: 0 })).toBe(2);
  expect(new Governor(2).second({ busy: true, p50Ms: 9000, oldestMs: 0 })).toBeNull();
});

const failed = (atMs: number, waitedMs: number, more: Partial<Failed> = {}): Failed => ({
  atMs,
  waitedMs,
  kind: "call",
  status: 0,
  refusal: null,
  reason: "",
  ...more,
});
const refused = (atMs: number, waitedMs: number, status: number, refusal: string | null): Failed =>
  failed(atMs, waitedMs, { status, refusal });
const gaveUp = refused(6000, 5100, 504, "route.timeout");
const noTool = { kind: "long", status: 200, reason: "the tool failed" } as const;
test.each<[string, readonly Failed[], number]>([
  ["no answer in time", [failed(20_000, 20_000)], 1],
  ["the gateway gave up on an origin after five seconds", [gaveUp], 1],
  ["refused at once", [refused(6000, 3, 503, "route.none")], 0],
  ["refused at once after an origin was given up", [gaveUp, refused(7000, 3, 503, "route.none")], 2],
  ["refused at once while another waited in vain", [refused(3000, 3, 503, "route.none"), failed(6000, 5100)], 2],
  ["refused at once before it began to wait", [refused(800, 3, 503, "route.none"), failed(6000, 5100)], 1],
  ["refused long after that", [gaveUp, refused(22_000, 3, 503, "route.none")], 1],
  ["the keys for sign-in did not come", [refused(3000, 1600, 503, "auth.jwks")], 1],
  [
    "and were not asked for again at once",
    [refused(3000, 1600, 503, "auth.jwks"), refused(3100, 2, 503, "auth.jwks")],
    2,
  ],
  ["the keys did not come for a long call", [{ ...refused(3000, -900, 503, "auth.jwks"), kind: "long" }], 1],
  ["the keys refused at once", [refused(3000, 900, 503, "auth.jwks")], 0],
  ["given up on in the middle of a long call", [{ ...refused(6000, 2600, 504, "route.timeout"), kind: "long" }], 1],
  ["a long call's tool gave up on its host", [failed(6000, 2600, noTool)], 1],
  ["a long call's tool failed at once", [failed(6000, 300, noTool)], 0],
  ["another tool failed, however late", [failed(6000, 5100, { ...noTool, kind: "call" })], 0],
  ["the secret refused, however late", [refused(6000, 5100, 403, null), refused(9000, 5000, 401, "auth")], 0],
  ["an origin refused the secret, however late", [gaveUp, refused(7000, 5000, 502, "route.secret")], 1],
  ["a page of the edge after an origin was given up", [gaveUp, refused(7000, 5000, 502, null)], 1],
  ["over the rate", [refused(6000, 5100, 429, "user.burst")], 0],
  ["a connection reset at once", [failed(6000, 3)], 0],
])("on a busy machine: %s", (_, failures, slow) => {
  expect(slowAmong(failures, () => true).size).toBe(slow);
  // With time to spare, whatever happens is the service's.
  expect(slowAmong(failures, () => false).size).toBe(0);
});

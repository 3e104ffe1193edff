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

const at = (atMs: number, waitedMs: number, status: number): Failed => ({ atMs, waitedMs, status });
test.each<[string, readonly Failed[], number]>([
  ["no answer in time", [at(20_000, 20_000, 0)], 1],
  ["the gateway gave up on an origin after five seconds", [at(6000, 5100, 504)], 1],
  ["refused at once", [at(6000, 3, 503)], 0],
  ["refused at once after an origin was given up", [at(6000, 5100, 504), at(7000, 3, 503)], 2],
  ["refused at once while another waited in vain", [at(3000, 3, 503), at(6000, 5100, 0)], 2],
  ["refused at once before it began to wait", [at(800, 3, 503), at(6000, 5100, 0)], 1],
  ["refused long after that", [at(6000, 5100, 504), at(22_000, 3, 503)], 1],
  ["the secret refused, however late", [at(6000, 5100, 403), at(9000, 5000, 401)], 0],
  ["over the rate", [at(6000, 5100, 429)], 0],
  ["a connection reset at once", [at(6000, 3, 0)], 0],
])("on a busy machine: %s", (_, failures, slow) => {
  expect(slowAmong(failures, () => true).size).toBe(slow);
  // With time to spare, whatever happens is the service's.
  expect(slowAmong(failures, () => false).size).toBe(0);
});

import { describe, expect, it } from "vitest";
import type { OriginLook, OriginTarget } from "../targets/types.ts";
import { awaitLook } from "./kill.ts";
import type { Run } from "./run.ts";

const EMPTY: OriginLook = { ok: true, instances: [], config: null };

/** Waits for `wanted` at an origin of which each look takes so long. @param looks the last one stays. */
async function wait(lookMs: number, looks: readonly OriginLook[], wanted: OriginLook): Promise<string> {
  let now = 0;
  const left = [...looks];
  const origin = {
    name: "fly",
    write: async () => undefined,
    roll: async () => undefined,
    look: async () => {
      now += lookMs;
      return (left.length > 1 ? left.shift() : left[0]) ?? EMPTY;
    },
  } as unknown as OriginTarget;
  const run = {
    context: { monotonic: () => now, sleep: async (ms: number) => void (now += ms) },
    waits: (_: unknown, work: () => Promise<void>) => work(),
    slots: { write: async () => undefined },
    journal: { guard: async () => undefined, note: () => undefined },
    roll: async () => undefined,
  } as unknown as Run;
  const awaited = {
    is: (look: OriginLook) => look === wanted,
    values: () => ({}),
    missing: "it is not dead",
    waits: "",
  };
  return awaitLook(run, origin, awaited).then(
    () => `seen after ${now} ms`,
    (error: unknown) => (error as Error).message,
  );
}

describe("the end of a secret at an origin at which nothing is seen", () => {
  const silent: OriginLook = { ...EMPTY, silent: ["m1"] };
  const dead: OriginLook = { ok: true, instances: [], config: { a: null, b: null } };
  it("is waited for while an instance is there and silent, however slow the look", async () => {
    expect(await wait(10_000, [silent, dead], dead)).toMatch(/^seen after 2[0-9]{4} ms$/);
  });
  it("is not given up for one slow look that found nothing", async () => {
    expect(await wait(10_000, [EMPTY, dead], dead)).toMatch(/^seen after 2[0-9]{4} ms$/);
  });
  it("is given up where nothing runs for five seconds", async () => {
    expect(await wait(100, [EMPTY], dead)).toBe("nothing runs there, and its slots are written");
  });
});

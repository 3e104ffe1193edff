import { describe, expect, it } from "vitest";
import type { KidsReport } from "../../contract/slots.ts";
import type { InstanceView, OriginLook, OriginTarget } from "../targets/types.ts";
import { awaitLook, isDead, type Emergency } from "./kill.ts";
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

describe("an origin in an emergency", () => {
  const LEAKED = "00000000000000aa";
  const NEW = "00000000000000bb";
  const only = { a: `revoked:${LEAKED}`, b: NEW };
  const at = (kids: KidsReport): InstanceView => ({
    id: "m1",
    rollout: "1",
    newest: true,
    awake: true,
    kids,
    lastAccepted: {},
  });
  const emergency = { secret: { kid: NEW }, leaked: LEAKED } as Emergency;
  const dead = (look: OriginLook, state: "pool" | "joining" = "pool") => isDead({ state }, look, emergency);

  it("is dead where its configuration and every instance accept the new secret alone", () => {
    expect(dead({ ok: true, config: only, instances: [at(only), at(only)] })).toBe(true);
  });

  it.each<[string, OriginLook]>([
    [
      "its configuration accepts the leaked secret: the next start would",
      { ok: true, config: { a: LEAKED, b: NEW }, instances: [at(only)] },
    ],
    ["one of its instances does", { ok: true, config: only, instances: [at(only), at({ a: LEAKED, b: NEW })] }],
    [
      "an instance has it in the variable of before slots",
      { ok: true, config: only, instances: [at({ legacy: LEAKED })] },
    ],
    ["an instance does not accept the new one", { ok: true, config: only, instances: [at({ a: null, b: null })] }],
    ["an instance accepts a third one", { ok: true, config: only, instances: [at({ a: "00000000000000cc", b: NEW })] }],
    ["its configuration is not known", { ok: true, config: null, instances: [at(only)] }],
    ["no instance is seen", { ok: true, config: only, instances: [] }],
    ["it cannot be looked at", { ok: false, reason: "its API does not answer" }],
  ])("is not dead where %s", (_, look) => {
    expect(dead(look)).toBe(false);
  });

  it("that joins and runs nothing accepts nothing, unless something is there and silent", () => {
    expect(dead(EMPTY, "joining")).toBe(true);
    expect(dead({ ...EMPTY, silent: ["m1"] }, "joining")).toBe(false);
  });
});

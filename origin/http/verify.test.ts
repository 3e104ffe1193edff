import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kidOf, parseSecret, tombstone, ZERO_TOMBSTONE } from "../../contract/gateway-secret.ts";
import { createGate, presented, type Gate, type SecretVariables } from "./verify.ts";

const secret = (): string => randomBytes(32).toString("hex");
const kid = async (text: string): Promise<string> => {
  const parsed = parseSecret(text);
  return parsed.ok ? kidOf(parsed.value) : "";
};
const gateOf = (variables: SecretVariables, now = () => 0): Gate => {
  const gate = createGate(variables, { now });
  if (!gate.ok) throw new Error(gate.error);
  return gate.value;
};
const header = (value: string): string[] => ["Host", "x", "X-Gateway-Secret", value];
const VECTOR = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, "0")).join("");

describe("gateway secret: starting", () => {
  const good = secret();
  it.each([
    ["nothing is set", {}, /GATEWAY_SECRET_A or GATEWAY_SECRET_B/],
    [
      "both slots are revoked",
      { GATEWAY_SECRET_A: ZERO_TOMBSTONE, GATEWAY_SECRET_B: ZERO_TOMBSTONE },
      /no gateway secret/,
    ],
    ["a slot is empty beside a good one", { GATEWAY_SECRET_A: good, GATEWAY_SECRET_B: "" }, /^GATEWAY_SECRET_B /],
    ["a slot ends with a newline", { GATEWAY_SECRET_A: `${good}\n` }, /^GATEWAY_SECRET_A /],
    ["a slot is in upper case", { GATEWAY_SECRET_A: good.toUpperCase() }, /^GATEWAY_SECRET_A /],
    ["a slot is a word", { GATEWAY_SECRET_B: "hunter2hunter2" }, /^GATEWAY_SECRET_B /],
    ["a tombstone is malformed", { GATEWAY_SECRET_A: good, GATEWAY_SECRET_B: "revoked:123" }, /^GATEWAY_SECRET_B /],
    ["a slot is not random", { GATEWAY_SECRET_A: "ab".repeat(32) }, /^GATEWAY_SECRET_A is not random enough/],
    ["a slot is the published vector", { GATEWAY_SECRET_A: VECTOR }, /^GATEWAY_SECRET_A is a published test vector/],
    ["the lone variable is revoked", { GATEWAY_SECRET: ZERO_TOMBSTONE }, /^GATEWAY_SECRET /],
    [
      "the lone variable is good but a slot is revoked",
      { GATEWAY_SECRET: good, GATEWAY_SECRET_A: ZERO_TOMBSTONE },
      /no gateway secret/,
    ],
    [
      "the lone variable is good but a slot is empty",
      { GATEWAY_SECRET: good, GATEWAY_SECRET_A: "" },
      /^GATEWAY_SECRET_A /,
    ],
  ])("is refused when %s, in words that hold no value", (_, variables: SecretVariables, expected) => {
    const gate = createGate(variables, { now: () => 0 });
    expect(gate.ok).toBe(false);
    const message = gate.ok ? "" : gate.error;
    expect(message).toMatch(expected);
    for (const value of Object.values(variables))
      if (value.length > 8) expect(message.toLowerCase()).not.toContain(value.trim().toLowerCase());
  });

  it("works with one good slot, unset or revoked beside it, and with the lone variable", async () => {
    const other = secret();
    expect(gateOf({ GATEWAY_SECRET_A: good }).kids).toEqual({ a: await kid(good), b: null });
    expect(gateOf({ GATEWAY_SECRET_B: good, GATEWAY_SECRET_A: tombstone(await kid(other)) }).kids).toEqual({
      a: `revoked:${await kid(other)}`,
      b: await kid(good),
    });
    expect(gateOf({ GATEWAY_SECRET: good }).kids).toEqual({ legacy: await kid(good) });
    expect(gateOf({ GATEWAY_SECRET: other, GATEWAY_SECRET_A: good }).kids).toEqual({ a: await kid(good), b: null });
  });

  it("never counts the lone variable beside a slot", () => {
    const lone = secret();
    expect(gateOf({ GATEWAY_SECRET: lone, GATEWAY_SECRET_A: good }).check(header(lone))).toEqual({ accepted: false });
  });
});

describe("gateway secret: checking", () => {
  const [a, b] = [secret(), secret()];
  const gate = gateOf({ GATEWAY_SECRET_A: a, GATEWAY_SECRET_B: b });

  it("accepts exactly the two slots", async () => {
    expect(gate.check(header(a))).toEqual({ accepted: true, kid: await kid(a) });
    expect(gate.check(header(b))).toEqual({ accepted: true, kid: await kid(b) });
  });

  it("refuses every other text", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: "grapheme" }),
          fc.constantFrom(`${a} `, ` ${a}`, `${a},${a}`, a.toUpperCase(), `${a}\0`),
        ),
        (text) => {
          expect(gate.check(header(text)).accepted).toBe(false);
        },
      ),
    );
  });

  it("refuses every secret that differs in one character", () => {
    fc.assert(
      fc.property(
        fc.nat(63),
        fc.nat(15).map((value) => value.toString(16)),
        (at, digit) => {
          const changed = `${a.slice(0, at)}${digit}${a.slice(at + 1)}`;
          expect(gate.check(header(changed)).accepted).toBe(changed === a);
        },
      ),
    );
  });

  it("refuses a header that is missing, empty or repeated, whatever its case", () => {
    expect(presented([])).toBeNull();
    expect(presented(["x-gateway-secret", ""])).toBeNull();
    expect(presented(["x-gateway-secret", a, "X-GATEWAY-SECRET", a])).toBeNull();
    expect(presented(["x-gateway-secret", a, "X-Gateway-Secret", ""])).toBeNull();
    expect(presented(["X-GATEWAY-SECRET", a])).toBe(a);
    expect(presented(["other", "x-gateway-secret", "x-gateway-secret", a])).toBe(a);
  });

  it("never accepts what stands in an unset or revoked slot", async () => {
    const one = gateOf({ GATEWAY_SECRET_A: a, GATEWAY_SECRET_B: tombstone(await kid(b)) });
    expect(one.check(header(b)).accepted).toBe(false);
    expect(one.check(header(tombstone(await kid(b)))).accepted).toBe(false);
    const guessable = createGate({ GATEWAY_SECRET_A: a }, { now: () => 0, random: (length) => new Uint8Array(length) });
    expect(guessable.ok && guessable.value.check(header("")).accepted).toBe(false);
  });

  it("names a retired kid only for the very secret that was retired", async () => {
    const one = gateOf({ GATEWAY_SECRET_A: a, GATEWAY_SECRET_B: tombstone(await kid(b)) });
    expect(one.retiredKid(header(b))).toBe(await kid(b));
    for (const other of [a, secret(), "", VECTOR]) expect(one.retiredKid(header(other))).toBeNull();
  });

  it("tells the age of the last acceptance by its own clock, and null before the first", async () => {
    let now = 10_000;
    const timed = gateOf({ GATEWAY_SECRET_A: a, GATEWAY_SECRET_B: b }, () => now);
    timed.note(await kid(a));
    timed.check(header(b));
    now += 2_999;
    expect(timed.lastAccepted()).toEqual({ [await kid(a)]: 2, [await kid(b)]: null });
    now -= 60_000;
    expect(timed.lastAccepted()).toEqual({ [await kid(a)]: 0, [await kid(b)]: null });
  });
});

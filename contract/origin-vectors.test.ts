/** The vectors that origins in other languages are held against (docs/origin-contract.vectors.json), against this project's own code. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { kidOf, parseSlot } from "./gateway-secret.ts";
import { marksIn } from "./marks.ts";

interface Vectors {
  readonly kids: readonly { readonly secret: string; readonly kid: string }[];
  readonly slots: readonly {
    readonly environment: Readonly<Record<string, string>>;
    readonly starts: boolean;
    readonly kids?: { readonly a: string | null; readonly b: string | null };
  }[];
  readonly marks: readonly {
    readonly environment: Readonly<Record<string, string>>;
    readonly marks: Readonly<Record<string, string | null>>;
  }[];
}
const file = new URL("../docs/origin-contract.vectors.json", import.meta.url);
const { kids, slots, marks } = JSON.parse(readFileSync(file, "utf8")) as Vectors;

describe("the vectors of the origin's contract", () => {
  it.each(kids)("name the secret $secret", async ({ secret, kid }) => {
    expect(await kidOf(Uint8Array.from(Buffer.from(secret, "hex")))).toBe(kid);
  });

  it.each(slots)("read the slots of $environment", async ({ environment, starts, kids: reported }) => {
    const read = [environment["GATEWAY_SECRET_A"], environment["GATEWAY_SECRET_B"]].map(parseSlot);
    const usable = read.some(({ kind }) => kind === "secret") && read.every(({ kind }) => kind !== "invalid");
    expect(usable).toBe(starts);
    if (!starts) return;
    const [a, b] = await Promise.all(
      read.map(async (slot) =>
        slot.kind === "secret" ? kidOf(slot.bytes) : slot.kind === "revoked" ? `revoked:${slot.kid}` : null,
      ),
    );
    expect({ a, b }).toEqual(reported);
  });

  it.each(marks)("read the marks of $environment", ({ environment, marks: read }) => {
    expect(marksIn(environment)).toEqual(read);
  });
});

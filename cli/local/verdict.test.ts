import { describe, expect, it } from "vitest";
import { loneOrigin, verdictOf, type Judged, type Proof } from "./verdict.ts";

const PROOF: Proof = {
  oldSecret: { koyeb: 403, fly: 403 },
  newSecret: { koyeb: 200, fly: 200 },
  noSecret: { koyeb: 403, fly: 403 },
};
const TRAFFIC: Judged = { sent: 3000, failed: 0, slow: 0, ratePerSecond: 120 };

describe("a lone origin", () => {
  const fly = { name: "fly", kind: "fly", state: "pool", machines: 1 } as const;
  const koyeb = { name: "koyeb", kind: "koyeb", state: "pool" } as const;
  it.each([
    ["is one Machine of Fly.io", [fly], "fly"],
    ["is one beside those that get no traffic", [{ ...koyeb, state: "quarantined" as const }, fly], "fly"],
    ["is none of two Machines", [{ ...fly, machines: 2 }], null],
    ["is none with another beside it", [koyeb, fly], null],
    ["is none at Koyeb, where a new instance serves before the old one ends", [koyeb], null],
  ])("%s", (_, origins, name) => {
    expect(loneOrigin(origins)).toBe(name);
  });
  it("is named where requests failed, with what to do", () => {
    expect(verdictOf(true, PROOF, { ...TRAFFIC, failed: 1 }, 120, "fly").lines).toEqual([
      "The rotation worked, but 1 of 3000 requests failed.",
      'fly is one Machine and alone in the pool: "machines: 2", or another origin, serves while it boots.',
    ]);
    expect(verdictOf(true, PROOF, TRAFFIC, 120, "fly").lines).toEqual(["It worked."]);
  });
});

describe("the verdict on a rotation under traffic", () => {
  it.each<[string, Partial<Judged>, string, boolean, readonly string[]]>([
    ["nothing failed", {}, "worked", true, ["It worked."]],
    [
      "the load was lowered",
      { ratePerSecond: 30 },
      "worked",
      true,
      ["It worked.", "This machine was too slow for 120 requests/s: the demo went down to 30/s."],
    ],
    [
      "this machine explains all that failed",
      { failed: 7, slow: 7 },
      "slow",
      true,
      [
        "The rotation worked; this machine was too slow for the traffic.",
        "7 of 3000 requests were not answered in time while nothing was idle here.",
      ],
    ],
    [
      "requests failed",
      { failed: 7 },
      "requests-failed",
      false,
      ["The rotation worked, but 7 of 3000 requests failed."],
    ],
    [
      "this machine explains some of them",
      { failed: 7, slow: 3 },
      "requests-failed",
      false,
      [
        "The rotation worked, but 4 of 3000 requests failed.",
        "3 more were not answered in time: this machine was too slow for them.",
      ],
    ],
  ])("when %s", (_, change, kind, ok, lines) => {
    expect(verdictOf(true, PROOF, { ...TRAFFIC, ...change }, 120)).toEqual({ kind, ok, lines });
  });

  it("is that it did not work only when the rotation did not", () => {
    expect(verdictOf(false, PROOF, TRAFFIC, 120)).toMatchObject({ ok: false, lines: ["It did not work."] });
  });
  it.each<[string, Partial<Proof>]>([
    ["the old secret still lives at one origin", { oldSecret: { koyeb: 403, fly: 200 } }],
    ["an origin did not answer the question", { newSecret: { koyeb: 200, fly: 0 } }],
    ["an origin takes no secret at all", { noSecret: { koyeb: 403, fly: 200 } }],
    ["nobody was asked", { oldSecret: {}, newSecret: {}, noSecret: {} }],
  ])("is that the proof is missing when %s, whatever the traffic was", (_, change) => {
    expect(verdictOf(true, { ...PROOF, ...change }, TRAFFIC, 120)).toMatchObject({
      kind: "failed",
      ok: false,
      lines: ["The rotation ended, but its proof is not complete."],
    });
  });
});

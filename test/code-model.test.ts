import { describe, expect, it } from "vitest";
// Plain JavaScript on purpose, so that it runs alone: node test/code-model.mjs
import { CASES, check } from "./code-model.mjs";

/** Verdict, number of states, and the last words of the shortest way to what is broken. */
const EXPECTED: Readonly<Record<string, readonly [verdict: string, states: number, at?: string]>> = {
  "50": ["holds", 819],
  "51": ["holds", 1443],
  "50a": ["K", 71, "run: uploads the candidate with code 1"],
  "50b": ["K", 61, "env: code is uploaded and deployed"],
  "50c": ["K", 52, "env: code is uploaded and deployed"],
};

describe("the model of code that a rotation does not change", () => {
  it.each(CASES.map((entry) => [entry.id, entry.title, entry] as const))("case %s: %s", (id, _title, entry) => {
    const result = check(entry);
    const [verdict, states, at] = EXPECTED[id] ?? ["?", 0];
    expect({ verdict: result.holds ? "holds" : result.broken?.split(":")[0], states: result.states }).toEqual({
      verdict,
      states,
    });
    expect(entry.expect).toBe(verdict);
    if (at !== undefined) expect(result.trace).toContain(at);
  });
});

import { describe, expect, it } from "vitest";
// The executable model of the protocol; plain JavaScript on purpose, so that it runs alone: node test/rotation-model.mjs
import { CASES, check } from "./rotation-model.mjs";
import traces from "./rotation-model.traces.json" with { type: "json" };

const TRACES: Readonly<Record<string, { readonly broken: string; readonly trace: readonly string[] }>> = traces;

describe("the protocol model", () => {
  it.each(CASES.map((entry) => [entry.id, entry.title, entry] as const))(
    "case %s (%s) has its verdict and number of states",
    // Hundreds of thousands of states: long on a busy machine, and never short.
    (_id, _title, entry) => {
      const result = check(entry);
      const verdict = result.holds ? "holds" : (result.broken ?? "").split(":")[0];
      expect({ verdict, states: result.states }).toEqual({ verdict: entry.expect, states: entry.states });
      // A broken promise comes with the shortest way that leads to it.
      expect(result.holds ? undefined : { broken: result.broken, trace: result.trace }).toEqual(TRACES[entry.id]);
    },
  );
});

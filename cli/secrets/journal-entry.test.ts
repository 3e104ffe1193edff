import { describe, expect, it } from "vitest";
import { EMPTY, parseEntry } from "./journal-entry.ts";

const DATE = "2026-11-22T00:00:00Z";
const ENTRY = {
  schema: 1,
  run: "one",
  nonce: "",
  actor: "somebody",
  workflow: "local",
  tool: "0.1.0",
  event: "acquired",
  leaseSeconds: 900,
  detail: {},
  state: EMPTY,
};
const messageOf = (entry: unknown): string => `mcpist: acquired\n\n${JSON.stringify(entry)}`;

describe("an entry of the journal", () => {
  it("is read as it was written, and what a newer tool added stays", () => {
    const newer = { ...ENTRY, state: { ...EMPTY, later: 1 } };
    expect(parseEntry(messageOf(newer), DATE)).toEqual(newer);
  });

  it.each<[string, unknown]>([
    ["no object", []],
    ["another schema", { ...ENTRY, schema: 2 }],
    ["no run", { ...ENTRY, run: undefined }],
    ["no state", { ...ENTRY, state: null }],
    ["an empty state", { ...ENTRY, state: {} }],
    ["no list of dead kids", { ...ENTRY, state: { ...EMPTY, dead: undefined } }],
    ["a dead kid that is no text", { ...ENTRY, state: { ...EMPTY, dead: [null] } }],
    ["no list of abandoned kids", { ...ENTRY, state: { ...EMPTY, abandoned: "" } }],
    ["no slots of GitHub", { ...ENTRY, state: { ...EMPTY, vault: null } }],
    ["a candidate that is none", { ...ENTRY, state: { ...EMPTY, candidate: "kid" } }],
    ["a lease that is no number", { ...ENTRY, leaseSeconds: "900" }],
    ["a lease that nobody could outlive", { ...ENTRY, leaseSeconds: 86_401 }],
    ["details that are none", { ...ENTRY, detail: null }],
  ])("is none of ours with %s, and says so instead of failing later", (_, entry) => {
    expect(() => parseEntry(messageOf(entry), DATE)).toThrow(
      "the tip of the rotation ref is not a journal entry of mcpist",
    );
  });
});

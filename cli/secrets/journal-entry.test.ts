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
const KID = "ad16856218e52ec8";
const messageOf = (entry: unknown): string => `mcpist: acquired\n\n${JSON.stringify(entry)}`;

describe("an entry of the journal", () => {
  it("is read as it was written, and what a newer tool added stays", () => {
    const newer = { ...ENTRY, state: { ...EMPTY, later: 1 } };
    expect(parseEntry(messageOf(newer), DATE)).toEqual(newer);
  });

  it.each<[string, unknown]>([
    ["no object", []],
    ["no schema", { ...ENTRY, schema: undefined }],
    ["a schema of before the first", { ...ENTRY, schema: 0 }],
    ["nobody who wrote it", { ...ENTRY, actor: undefined }],
    ["no place where it ran", { ...ENTRY, workflow: 4711 }],
    ["no event", { ...ENTRY, event: null }],
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
    ["a lease that is shorter than none", { ...ENTRY, leaseSeconds: -1 }],
    ["an acknowledgement at no time", { ...ENTRY, state: { ...EMPTY, vault: { a: null, b: null, ackAt: "soon" } } }],
    ["a retired kid that is none", { ...ENTRY, state: { ...EMPTY, retired: "x" } }],
    [
      "a candidate of no time",
      { ...ENTRY, state: { ...EMPTY, candidate: { kid: KID, slot: "a", since: "x", run: "r" } } },
    ],
    ["a live kid that is no text", { ...ENTRY, state: { ...EMPTY, live: { kid: 1, since: null } } }],
    ["an emergency of no mode", { ...ENTRY, state: { ...EMPTY, emergency: { kid: KID, mode: "now; rm -rf /" } } }],
    ["a lock that was taken at no time", { ...ENTRY, state: { ...EMPTY, seizedAt: "yesterday" } }],
    ["a deployment without a mark", { ...ENTRY, state: { ...EMPTY, deploying: { replaces: null } } }],
    ["puts that are none", { ...ENTRY, state: { ...EMPTY, puts: { DATABASE_URL: null } } }],
    ["details that are none", { ...ENTRY, detail: null }],
  ])("is none of ours with %s, and says so instead of failing later", (_, entry) => {
    expect(() => parseEntry(messageOf(entry), DATE)).toThrow(
      "the tip of the rotation ref is not a journal entry of mcpist",
    );
  });

  it("of a newer mcpist is told as what it is: nobody is to delete it", () => {
    expect(() => parseEntry(messageOf({ ...ENTRY, schema: 2, state: "elsewhere" }), DATE)).toThrow(
      expect.objectContaining({
        code: "ERR_MISMATCH",
        exitCode: 3,
        message: "the rotation journal was written by a newer mcpist than this one",
        hint: "install the mcpist that the others use, then run the command again",
      }),
    );
  });
});

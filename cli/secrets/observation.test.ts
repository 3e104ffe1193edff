import { describe, expect, it } from "vitest";
import type { WorkerVersion } from "../targets/types.ts";
import { isAlike } from "./observation.ts";

const KID = "0000000000000001";
/** Made by somebody else. */
const foreign = (number: number, code = "code"): WorkerVersion => ({
  id: `v${number}`,
  number,
  annotatedKid: null,
  annotatedFrom: null,
  annotatedRun: null,
  code,
});
/** Made by mcpist; an older version of it did not say of what. */
const own = (number: number, madeOf?: WorkerVersion["madeOf"], code = "code"): WorkerVersion => ({
  ...foreign(number, code),
  annotatedKid: KID,
  annotatedRun: "run",
  ...(madeOf ? { madeOf } : {}),
});
const of = (number: number) => ({ id: `v${number}`, exact: true });
const after = (number: number) => ({ id: `v${number}`, exact: false });

describe("two Worker versions differ in nothing but the gateway secret", () => {
  it.each<[string, readonly WorkerVersion[], string, string, boolean]>([
    ["one and the same", [foreign(1)], "v1", "v1", true],
    ["two of somebody else: their other secrets may differ", [foreign(1), foreign(2)], "v2", "v1", false],
    ["made of it, by id", [foreign(1), own(2, of(1))], "v2", "v1", true],
    ["made of it by id, and other code all the same", [foreign(1), own(2, of(1), "other")], "v2", "v1", false],
    ["made of it by id, whatever was uploaded before", [foreign(1), foreign(2), own(3, of(1))], "v3", "v1", true],
    ["made of a copy of it", [foreign(1), foreign(2), own(3, of(1)), own(4, of(3))], "v4", "v1", true],
    ["both made of the same one", [foreign(1), own(2, of(1)), own(3, of(1))], "v3", "v2", true],
    ["made of what was uploaded last, and that was it", [foreign(1), own(2, after(1))], "v2", "v1", true],
    [
      "made of what was uploaded last, a copy",
      [foreign(1), foreign(2), own(3, of(1)), own(4, after(1))],
      "v4",
      "v1",
      true,
    ],
    ["made of what somebody else uploaded last", [foreign(1), foreign(2), own(3, after(1))], "v3", "v1", false],
    ["made of one that is on no list any more", [own(8, of(1)), own(9, after(8))], "v9", "v8", true],
    ["made with secrets of its own, which are those of no other", [foreign(1), own(2, of(2))], "v2", "v1", false],
    [
      "made of what mcpist uploaded last, with secrets of its own",
      [foreign(1), own(2, of(2)), own(3, after(1))],
      "v3",
      "v1",
      false,
    ],
    ["made before it was deployed", [foreign(1), own(2, of(1)), foreign(3)], "v2", "v3", false],
    ["made by an older mcpist, of the one before", [foreign(1), own(2)], "v2", "v1", true],
    ["made by an older mcpist, after somebody else's", [foreign(1), foreign(2), own(3)], "v3", "v1", false],
    ["that name each other, which is nonsense and ends", [own(1, of(2)), own(2, of(1))], "v2", "v1", true],
  ])("%s", (_, versions, one, other, alike) => {
    const byId = (id: string) => versions.find((version) => version.id === id) ?? null;
    expect(isAlike({ versions }, byId(one), byId(other))).toBe(alike);
  });

  it("is told of a hundred rotations in a row that follow nobody else's upload", () => {
    const versions = [foreign(1), ...Array.from({ length: 100 }, (_, i) => own(i + 2, after(i + 1)))];
    expect(isAlike({ versions }, versions.at(-1) ?? null, versions[0] ?? null)).toBe(true);
  });

  it("is not said of one whose code nobody looked at", () => {
    const { code: _, ...unseen } = foreign(1);
    expect(isAlike({ versions: [unseen] }, unseen, unseen)).toBe(false);
    expect(isAlike({ versions: [] }, null, null)).toBe(false);
  });
});

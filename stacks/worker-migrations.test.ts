import { describe, expect, it } from "vitest";
import { type Migration, pendingMigrations } from "./worker-migrations.ts";

const ALL: readonly Migration[] = [
  { tag: "v1", newSqliteClasses: ["Burst"] },
  { tag: "v2", newSqliteClasses: ["Ledger"] },
];

describe("pendingMigrations", () => {
  it("gives a new Worker every step and no old tag", () => {
    expect(pendingMigrations(null, ALL)).toEqual({
      newTag: "v2",
      steps: [{ newSqliteClasses: ["Burst"] }, { newSqliteClasses: ["Ledger"] }],
    });
  });

  it("gives an older Worker the missing steps on top of its tag", () => {
    expect(pendingMigrations("v1", ALL)).toEqual({ oldTag: "v1", newTag: "v2", steps: [{ newSqliteClasses: ["Ledger"] }] });
  });

  it("gives a current Worker nothing", () => {
    expect(pendingMigrations("v2", ALL)).toBeNull();
  });

  it("refuses a tag that was never released", () => {
    expect(() => pendingMigrations("v9", ALL)).toThrow(RangeError);
  });
});

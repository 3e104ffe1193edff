import { describe, expect, it } from "vitest";
import { type Migration, migrationBlocks, pendingMigrations } from "./worker-migrations.ts";

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
    expect(pendingMigrations("v1", ALL)).toEqual({
      oldTag: "v1",
      newTag: "v2",
      steps: [{ newSqliteClasses: ["Ledger"] }],
    });
  });

  it("gives a current Worker nothing", () => {
    expect(pendingMigrations("v2", ALL)).toBeNull();
  });

  it("refuses a tag that was never released", () => {
    expect(() => pendingMigrations("v9", ALL)).toThrow(RangeError);
  });
});

describe("migrationBlocks", () => {
  it("has what each tag in place is to be sent, and nothing for the latest", () => {
    const { unseen, byTag } = migrationBlocks(null, ALL);
    expect(JSON.parse(unseen)).toEqual({
      new_tag: "v2",
      steps: [{ new_sqlite_classes: ["Burst"] }, { new_sqlite_classes: ["Ledger"] }],
    });
    expect(JSON.parse(byTag["v1"] ?? "")).toEqual({
      old_tag: "v1",
      new_tag: "v2",
      steps: [{ new_sqlite_classes: ["Ledger"] }],
    });
    expect(byTag["v2"]).toBe("null");
  });

  it("believes a tag that it is told where none is seen", () => {
    expect(migrationBlocks("v2", ALL).unseen).toBe("null");
    expect(migrationBlocks("v1", ALL).unseen).toBe(migrationBlocks(null, ALL).byTag["v1"]);
  });
});

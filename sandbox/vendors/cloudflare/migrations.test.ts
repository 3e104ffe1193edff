import { describe, expect, it } from "vitest";
import { ApiError } from "./errors.ts";
import { migrate, type Migrated } from "./migrations.ts";
import type { Migrations, MigrationStep } from "./upload.ts";

const NONE: Migrated = { classes: new Map(), migrationTag: null };
const step = (change: Partial<MigrationStep>): MigrationStep => ({ created: [], deleted: [], renamed: [], ...change });
const first: Migrations = {
  oldTag: null,
  newTag: "v1",
  steps: [step({ created: [{ name: "Counter", sqlite: true }] })],
};
const next = (change: Partial<MigrationStep>): Migrations => ({ oldTag: "v1", newTag: "v2", steps: [step(change)] });
const codeOf = (action: () => unknown): number | null => {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof ApiError ? error.code : -1;
  }
};

describe("Durable Object migrations", () => {
  it("make a class an object once; the same upload again is refused with 10079 and the current tag", () => {
    const once = migrate(NONE, first);
    expect([...once.classes.keys()]).toEqual(["Counter"]);
    expect(codeOf(() => migrate(once, first))).toBe(10079);
    expect(() => migrate(once, first)).toThrow("current tag is 'v1'");
  });

  it("go on from the current tag, keeping the objects of a renamed class", () => {
    const before = migrate(NONE, first);
    const after = migrate(before, next({ renamed: [{ from: "Counter", to: "Meter" }] }));
    expect(after.migrationTag).toBe("v2");
    expect([...after.classes]).toEqual([["Meter", before.classes.get("Counter")]]);
  });

  it("leave everything as it is when an upload has none", () => {
    const before = migrate(NONE, first);
    expect(migrate(before, null)).toEqual(before);
  });

  it("refuse an old tag that is not the current one", () => {
    expect(codeOf(() => migrate(NONE, { ...first, oldTag: "v0" }))).toBe(10079);
  });

  it("refuse to delete or rename what is not there, or to create what is", () => {
    const before = migrate(NONE, first);
    expect(codeOf(() => migrate(before, next({ deleted: ["Missing"] })))).toBe(10026);
    expect(codeOf(() => migrate(before, next({ renamed: [{ from: "Missing", to: "X" }] })))).toBe(10026);
    expect(codeOf(() => migrate(before, next({ created: [{ name: "Counter", sqlite: true }] })))).toBe(10026);
    expect([...before.classes.keys()]).toEqual(["Counter"]);
  });
});

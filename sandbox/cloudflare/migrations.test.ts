import { describe, expect, it } from "vitest";
import { ApiError } from "./errors.ts";
import { applyMigrations } from "./migrations.ts";
import type { Script } from "./model.ts";
import type { Migrations, MigrationStep } from "./upload.ts";

const script = (): Pick<Script, "classes" | "migrationTag"> => ({ classes: new Map(), migrationTag: null });
const step = (change: Partial<MigrationStep>): MigrationStep => ({ created: [], deleted: [], renamed: [], ...change });
const first: Migrations = { oldTag: null, newTag: "v1", steps: [step({ created: [{ name: "Counter", sqlite: true }] })] };
const codeOf = (action: () => void): number | null => {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof ApiError ? error.code : -1;
  }
};

describe("Durable Object migrations", () => {
  it("make a class an object once; the same upload again is refused with 10079 and the current tag", () => {
    const worker = script();
    applyMigrations(worker, first);
    expect([...worker.classes.keys()]).toEqual(["Counter"]);
    expect(() => applyMigrations(worker, first)).toThrow("current tag is 'v1'");
    expect(codeOf(() => applyMigrations(worker, first))).toBe(10079);
  });

  it("go on from the current tag, keeping the objects of a renamed class", () => {
    const worker = script();
    applyMigrations(worker, first);
    const before = worker.classes.get("Counter");
    applyMigrations(worker, { oldTag: "v1", newTag: "v2", steps: [step({ renamed: [{ from: "Counter", to: "Meter" }] })] });
    expect(worker).toMatchObject({ migrationTag: "v2" });
    expect(worker.classes.get("Meter")).toBe(before);
  });

  it("refuse an old tag that is not the current one", () => {
    expect(codeOf(() => applyMigrations(script(), { ...first, oldTag: "v0" }))).toBe(10079);
  });

  it("refuse to delete or rename what is not there, or to create what is", () => {
    const worker = script();
    applyMigrations(worker, first);
    const next = (change: Partial<MigrationStep>) => () => applyMigrations(worker, { oldTag: "v1", newTag: "v2", steps: [step(change)] });
    expect(codeOf(next({ deleted: ["Missing"] }))).toBe(10026);
    expect(codeOf(next({ renamed: [{ from: "Missing", to: "X" }] }))).toBe(10026);
    expect(codeOf(next({ created: [{ name: "Counter", sqlite: true }] }))).toBe(10026);
  });
});

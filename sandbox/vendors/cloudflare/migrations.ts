/** Durable Object migrations of a Worker: which of its classes are Durable Objects. Pure. */
import { badRequest, migrationTag } from "./errors.ts";
import { hexId, type Script } from "./model.ts";
import type { Migrations } from "./upload.ts";

/** What migrations change of a script. */
export type Migrated = Pick<Script, "classes" | "migrationTag">;

/**
 * @returns the classes and the tag after the migrations of an upload.
 * @throws {ApiError} 10079 when `old_tag` is not the current tag; leaving it out says "no migration yet".
 */
export function migrate(before: Migrated, migrations: Migrations | null): Migrated {
  if (!migrations) return { classes: before.classes, migrationTag: before.migrationTag };
  if (migrations.oldTag !== before.migrationTag) throw migrationTag(before.migrationTag);
  const classes = new Map(before.classes);
  for (const { created, deleted, renamed } of migrations.steps) {
    for (const { name, sqlite } of created) {
      if (classes.has(name))
        throw badRequest(`Cannot apply new-class migration to class '${name}' that is already depended on`);
      classes.set(name, { namespaceId: hexId(), sqlite });
    }
    for (const { from, to } of renamed) {
      const known = classes.get(from);
      if (!known) throw badRequest(`Cannot apply renamed_classes migration to non-existent class '${from}'`);
      classes.delete(from);
      classes.set(to, known);
    }
    for (const name of deleted)
      if (!classes.delete(name))
        throw badRequest(`Cannot apply deleted_classes migration to non-existent class '${name}'`);
  }
  return { classes, migrationTag: migrations.newTag ?? before.migrationTag };
}

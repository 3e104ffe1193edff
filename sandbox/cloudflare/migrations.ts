/** Durable Object migrations of a Worker: which of its classes are Durable Objects. Pure apart from the script it is given. */
import { badRequest, migrationTag } from "./errors.ts";
import { hexId, type Script } from "./model.ts";
import type { Migrations } from "./upload.ts";

/**
 * Applies the migrations of an upload to `script`.
 * @throws {ApiError} 10079 when `old_tag` is not the current tag; leaving it out says "no migration yet".
 */
export function applyMigrations(script: Pick<Script, "classes" | "migrationTag">, migrations: Migrations | null): void {
  if (!migrations) return;
  if (migrations.oldTag !== script.migrationTag) throw migrationTag(script.migrationTag);
  for (const { created, deleted, renamed } of migrations.steps) {
    for (const { name, sqlite } of created) {
      if (script.classes.has(name)) throw badRequest(`Cannot apply new-class migration to class '${name}' that is already depended on`);
      script.classes.set(name, { namespaceId: hexId(), sqlite });
    }
    for (const { from, to } of renamed) {
      const known = script.classes.get(from);
      if (!known) throw badRequest(`Cannot apply renamed_classes migration to non-existent class '${from}'`);
      script.classes.delete(from);
      script.classes.set(to, known);
    }
    for (const name of deleted)
      if (!script.classes.delete(name)) throw badRequest(`Cannot apply deleted_classes migration to non-existent class '${name}'`);
  }
  script.migrationTag = migrations.newTag ?? script.migrationTag;
}

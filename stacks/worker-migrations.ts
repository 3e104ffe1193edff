/**
 * Which Durable Object migration an upload of the Worker must carry. Cloudflare refuses steps that do not start at the tag in place
 * (error 10079), so a migration belongs into exactly one upload. Pure.
 */

/** One step in the life of the Worker's Durable Object classes. */
export interface Migration {
  readonly tag: string;
  readonly newSqliteClasses: readonly string[];
}

/** Class of the per-user burst counter; exported by the Worker. */
export const BURST_CLASS = "UserBurst";

/** All steps, oldest first. A step that was released is never edited; a new one is added behind it. */
export const MIGRATIONS: readonly Migration[] = [{ tag: "v1", newSqliteClasses: [BURST_CLASS] }];

/** What an upload sends. */
export interface PendingMigrations {
  readonly oldTag?: string;
  readonly newTag: string;
  readonly steps: readonly { readonly newSqliteClasses: readonly string[] }[];
}

/**
 * The steps after `applied`, or null when there are none.
 *
 * @param applied tag that the Worker has; null = the Worker does not exist yet.
 * @throws {RangeError} when `applied` is no tag of this version of mcpist.
 */
export function pendingMigrations(
  applied: string | null,
  all: readonly Migration[] = MIGRATIONS,
): PendingMigrations | null {
  const index = applied === null ? -1 : all.findIndex(({ tag }) => tag === applied);
  if (applied !== null && index < 0)
    throw new RangeError(`unknown migration tag; known: ${all.map(({ tag }) => tag).join(", ")}`);
  const pending = all.slice(index + 1);
  const last = pending.at(-1);
  if (!last) return null;
  return {
    ...(applied === null ? {} : { oldTag: applied }),
    newTag: last.tag,
    steps: pending.map(({ newSqliteClasses }) => ({ newSqliteClasses })),
  };
}

/** An upload's `migrations` as JSON; `null` when it has none. */
function blockText(pending: PendingMigrations | null): string {
  if (!pending) return "null";
  const steps = pending.steps.map(({ newSqliteClasses }) => ({ new_sqlite_classes: newSqliteClasses }));
  return JSON.stringify({
    ...(pending.oldTag === undefined ? {} : { old_tag: pending.oldTag }),
    new_tag: pending.newTag,
    steps,
  });
}

/** Every `migrations` that an upload may need, each as JSON. */
export interface MigrationBlocks {
  /** For a Worker whose tag is not seen: it does not exist, or has none. */
  readonly unseen: string;
  /** By the tag that is in place. */
  readonly byTag: Readonly<Record<string, string>>;
}

/** @param told tag that a Worker has although it is not seen; null = none. @throws {RangeError} as {@link pendingMigrations}. */
export const migrationBlocks = (told: string | null, all: readonly Migration[] = MIGRATIONS): MigrationBlocks => ({
  unseen: blockText(pendingMigrations(told, all)),
  byTag: Object.fromEntries(all.map(({ tag }) => [tag, blockText(pendingMigrations(tag, all))])),
});

/**
 * Which Durable Object migration an upload of the Worker must carry. Cloudflare refuses a repeated tag (error 10079), so a
 * migration belongs into exactly one upload. Pure.
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
export function pendingMigrations(applied: string | null, all: readonly Migration[] = MIGRATIONS): PendingMigrations | null {
  const index = applied === null ? -1 : all.findIndex(({ tag }) => tag === applied);
  if (applied !== null && index < 0) throw new RangeError(`unknown migration tag; known: ${all.map(({ tag }) => tag).join(", ")}`);
  const pending = all.slice(index + 1);
  const last = pending.at(-1);
  if (!last) return null;
  return {
    ...(applied === null ? {} : { oldTag: applied }),
    newTag: last.tag,
    steps: pending.map(({ newSqliteClasses }) => ({ newSqliteClasses })),
  };
}

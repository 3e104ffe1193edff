/** Koyeb's lists: pages that are counted, filters, and records as they were a moment ago. Reads of one record are never late. */
import { Trail } from "../trail.ts";

/** The vendor's page size when the caller names none. */
const DEFAULT_LIMIT = 10;
/** The vendor gives no more at once, whatever is asked for: the end of a list is told by `count`, not by a short page. */
export const MAX_LIMIT = 100;

/** What every record has that a list may show late. */
interface Changing {
  readonly status?: string;
  readonly updatedAt: Date;
}

/** By record: what it was, and when. */
const trails = new WeakMap<object, Trail<Changing>>();

/** Writes down what a record is now. Called when it is made and after every change. */
export function note(record: Changing): void {
  const trail = trails.get(record) ?? new Trail<Changing>();
  trails.set(record, trail);
  const { status, updatedAt } = record;
  trail.note(status === undefined ? { updatedAt } : { status, updatedAt }, Date.now());
}

/** The records as they were `lagMs` ago; those that were not there yet are left out. */
export function listed<T extends Changing>(records: Iterable<T>, lagMs: number): T[] {
  const time = Date.now() - lagMs;
  return [...records].flatMap((record) => {
    if (lagMs === 0) return [record];
    const then = trails.get(record)?.at(time) ?? null;
    return then === null ? [] : [{ ...record, ...then }];
  });
}

/** One page: what was asked for, as far as the vendor gives it. */
export function paged<T>(all: readonly T[], query: (key: string) => string | undefined, maxLimit: number) {
  const limit = Math.min(maxLimit, Math.max(1, Number(query("limit") ?? DEFAULT_LIMIT) || DEFAULT_LIMIT));
  const offset = Math.max(0, Number(query("offset") ?? 0) || 0);
  const page = all.slice(offset, offset + limit);
  return { page, rest: { limit, offset, count: all.length }, hasNext: offset + page.length < all.length };
}

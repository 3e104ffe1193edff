/**
 * How many bytes of request bodies one process holds at once. Bodies are bounded one by one, but a hundred of the largest would not fit
 * into a small machine. Whoever finds no room is told to come back; nobody waits, so nothing piles up.
 */

/** All bodies together: ten users who fill theirs leave room for the others. Parsed text takes up to three times as much. Unit: bytes. */
export const BUDGET_BYTES = 48 * 1024 * 1024;
/** One user's share: one body of the largest size, and not everybody's room. Unit: bytes. */
export const USER_BYTES = 4 * 1024 * 1024;
/** So small that it is not counted: an ordinary call finds room whatever others do. Unit: bytes. */
export const FREE_BYTES = 16 * 1024;

/** The room of one request. */
export interface Room {
  /** Asks for `bytes` in all. @returns false when they do not fit; what was held stays held */
  grow(bytes: number): boolean;
  /** Gives everything back; may be called more than once. */
  readonly release: () => void;
}

/** Gives room. */
export interface BodyBudget {
  room(userId: string): Room;
  /** Bytes that are held now. */
  readonly held: number;
}

/** Builds the budget of one process. */
export function createBodyBudget({ total = BUDGET_BYTES, perUser = USER_BYTES, free = FREE_BYTES } = {}): BodyBudget {
  const byUser = new Map<string, number>();
  let held = 0;
  return {
    room(userId) {
      let mine = 0;
      let open = true;
      const change = (by: number): void => {
        mine += by;
        held += by;
        const sum = (byUser.get(userId) ?? 0) + by;
        if (sum > 0) byUser.set(userId, sum);
        else byUser.delete(userId);
      };
      return {
        grow(bytes) {
          if (bytes <= Math.max(free, mine)) return open;
          const more = bytes - mine;
          if (!open || held + more > total || (byUser.get(userId) ?? 0) + more > perUser) return false;
          change(more);
          return true;
        },
        release() {
          open = false;
          if (mine > 0) change(-mine);
        },
      };
    },
    get held() {
      return held;
    },
  };
}

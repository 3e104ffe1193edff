/**
 * Places at a server, shared out among users: nobody holds more than a share, nobody's queue is longer than a share, and whoever
 * waits is served in turn, user by user. A place is a lease: it ends with `release` or with its deadline, whichever comes first.
 */

/** Bounds of one server. */
export interface ShareLimits {
  /** Calls under way at once. */
  readonly places: number;
  /** Calls under way at once of one user. */
  readonly perUser: number;
  /** Calls of one user that may wait. */
  readonly queuePerUser: number;
  /** Calls that may wait, of all users together. */
  readonly queue: number;
}

/** Ends a place. May be called more than once. */
export type Release = () => void;

/** Gives places. */
export interface Shares {
  /**
   * Waits for a place.
   * @returns null at once when too much waits already, or as soon as `signal` aborts.
   */
  take(userId: string, signal: AbortSignal): Promise<Release | null>;
  readonly taken: number;
}

interface Waiting {
  readonly grant: () => void;
}

/** Builds the places of one server. */
export function createShares({ places, perUser, queuePerUser, queue }: ShareLimits): Shares {
  const held = new Map<string, number>();
  /** Users in the order of their turn; each with their own line. */
  const lines = new Map<string, Waiting[]>();
  let taken = 0;
  let waiting = 0;

  const free = (userId: string): boolean => taken < places && (held.get(userId) ?? 0) < perUser;

  function occupy(userId: string, signal: AbortSignal): Release {
    taken++;
    held.set(userId, (held.get(userId) ?? 0) + 1);
    let over = false;
    const release = (): void => {
      if (over) return;
      over = true;
      signal.removeEventListener("abort", release);
      taken--;
      const rest = (held.get(userId) ?? 1) - 1;
      if (rest === 0) held.delete(userId);
      else held.set(userId, rest);
      next();
    };
    signal.addEventListener("abort", release, { once: true });
    return release;
  }

  /** Serves the first user whose turn it is and who may have a place; they go to the end of the round. */
  function next(): void {
    for (const [userId, line] of lines) {
      if (!free(userId)) continue;
      const [first] = line;
      lines.delete(userId);
      if (line.length > 1) lines.set(userId, line.slice(1));
      first?.grant();
      return;
    }
  }

  return {
    take(userId, signal) {
      if (signal.aborted) return Promise.resolve(null);
      if (free(userId) && !lines.has(userId)) return Promise.resolve(occupy(userId, signal));
      const line = lines.get(userId) ?? [];
      if (waiting >= queue || line.length >= queuePerUser) return Promise.resolve(null);
      const { promise, resolve } = Promise.withResolvers<Release | null>();
      waiting++;
      const leave = (): void => {
        waiting--;
        signal.removeEventListener("abort", onAbort);
      };
      const entry: Waiting = {
        grant: () => {
          leave();
          resolve(occupy(userId, signal));
        },
      };
      const onAbort = (): void => {
        leave();
        const rest = (lines.get(userId) ?? []).filter((other) => other !== entry);
        if (rest.length === 0) lines.delete(userId);
        else lines.set(userId, rest);
        resolve(null);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      lines.set(userId, [...line, entry]);
      return promise;
    },
    get taken() {
      return taken;
    },
  };
}

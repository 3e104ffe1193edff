/** Things of users, while they last. */

/**
 * Adds `thing` to what `userId` has.
 * @returns takes it away again, and the user with the last one; may be called more than once
 */
export function addFor<T>(users: Map<string, Set<T>>, userId: string, thing: T): () => void {
  const own = users.get(userId) ?? new Set<T>();
  users.set(userId, own.add(thing));
  return () => {
    own.delete(thing);
    if (own.size === 0 && users.get(userId) === own) users.delete(userId);
  };
}

/**
 * Keeps the permission cache honest: drops users whose permissions changed. NOTIFY where the connection can listen, and always a
 * comparison of versions, because a notification can be lost while a connection is being replaced. It never fills the cache.
 */
import type { Database } from "../database/database.ts";
import type { PermissionCache } from "./permissions.ts";

/**
 * The channel on which the database announces changes. Whoever has a login at the database may listen there, and announce: the payload
 * names a user by a digest, and says nothing but "look again".
 */
const CHANNEL = "mcpist_permissions";
/** Unit: milliseconds. */
export const POLL_MS = 15_000;

const VERSIONS = `
select u.user_id::text as user_id, u.permissions_version::text as version
from json_array_elements_text($1::json) as cached(id) join mcpist.users u on u.user_id = cached.id::uuid`;

/**
 * Compares every cached version with the database and drops what differs or is gone.
 * @returns the users that were dropped. @throws when the database does not answer.
 */
export async function compareVersions(database: Database, cache: PermissionCache): Promise<readonly string[]> {
  const cached = cache.versions();
  if (cached.size === 0) return [];
  const rows = await database.query<{ user_id: string; version: string }>(VERSIONS, [
    JSON.stringify([...cached.keys()]),
  ]);
  const current = new Map(rows.map((row) => [row.user_id, row.version]));
  const changed = [...cached].filter(([userId, version]) => current.get(userId) !== version).map(([userId]) => userId);
  for (const userId of changed) cache.drop(userId);
  return changed;
}

/** A running subscription. */
export interface Listening {
  /** Tries to listen again when the last subscription was lost. Never throws. */
  renew(): Promise<void>;
  stop(): Promise<void>;
}

/** Subscribes `cache` to announcements. */
export function listenForChanges(database: Database, cache: PermissionCache): Listening {
  let stop: (() => Promise<void>) | null = null;
  let state: "idle" | "starting" | "listening" | "stopped" = "idle";
  return {
    async renew() {
      if (state !== "idle") return;
      state = "starting";
      try {
        const started = await database.listen(
          CHANNEL,
          (name) => cache.dropAnnounced(name),
          () => {
            if (state === "listening") state = "idle";
          },
        );
        // What was announced before we listened was not heard.
        cache.clear();
        state = "listening";
        stop = started;
      } catch {
        state = "idle";
      }
    },
    async stop() {
      state = "stopped";
      await stop?.().catch(() => {});
    },
  };
}

/**
 * What each user may call, cached for five minutes with one load at a time per user. The registry is intersected here, once,
 * so that what is listed, what is allowed and what can run are one set. It never invents a permission: when the database is
 * down for longer than the grace, it throws, and the request is refused.
 */
import { hash } from "node:crypto";
import type { Database } from "../database/database.ts";
import type { RegisteredTool, Registry } from "../modules/registry.ts";

/** How long an entry is used without asking again. Unit: milliseconds. */
export const PERMISSIONS_TTL_MS = 300_000;
/** How old an entry may get while the database does not answer. Unit: milliseconds. */
const PERMISSIONS_GRACE_MS = 900_000;
/** While the database does not answer, an entry in its grace is retried this often. Unit: milliseconds. */
const RETRY_MS = 5_000;
/** Users kept at once; the least recently used one goes first. */
const MAX_USERS = 20_000;

/** One user as the origin sees it. */
export interface Permissions {
  readonly active: boolean;
  /** Calls per minute; -1 = unlimited. */
  readonly perMinute: number;
  readonly plan: string;
  /** True when a monthly quota is in force and used up. */
  readonly monthExhausted: boolean;
  /** Module name to tool name to tool: exactly what is granted, enabled and in the registry. */
  readonly allowed: ReadonlyMap<string, ReadonlyMap<string, RegisteredTool>>;
}

/** Gives permissions by user id. */
export interface PermissionCache {
  /** @returns null when the user does not exist. @throws when the database does not answer and nothing usable is cached. */
  get(userId: string): Promise<Permissions | null>;
  /** Forgets one user. */
  drop(userId: string): void;
  /** Forgets the user whom the database announces under this name: the first 16 hex digits of the SHA-256 of the user id. */
  dropAnnounced(name: string): void;
  /** Forgets everybody. */
  clear(): void;
  /** Cached users with the version that was read; what polling compares. */
  versions(): ReadonlyMap<string, string>;
  readonly size: number;
}

/** What the cache needs from outside. */
export interface PermissionSources {
  readonly database: Database;
  readonly registry: Registry;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
  /** Called when an expired entry is used because the database does not answer. */
  readonly onGrace: (userId: string) => void;
  /** Called when what a user may do has changed, or may have. */
  readonly onChange?: (userId: string) => void;
}

interface Row {
  readonly status: string;
  readonly plan_id: string;
  readonly per_minute: number;
  readonly month_exhausted: boolean;
  readonly version: string;
  readonly granted: readonly Granted[];
}

/** Module, tool, and the pin that was approved; null = a tool that needs none. */
export type Granted = readonly [module: string, tool: string, pin: string | null];

const LOAD = `
select u.status, u.plan_id, p.per_minute, u.permissions_version::text as version,
  p.per_month > 0 and exists (select from mcpist.settings where key = 'monthly_quota' and value = 'on') and exists (
    select from mcpist.usage_monthly m
    where m.user_id = u.user_id and m.month = date_trunc('month', now())::date and m.calls >= p.per_month
  ) as month_exhausted,
  coalesce((
    select json_agg(json_build_array(g.module_id, g.tool_id, t.pin))
    from mcpist.grants g join mcpist.tools t using (module_id, tool_id)
    where g.user_id = u.user_id and g.revoked_at is null and t.enabled and not t.decoy
  ), '[]'::json) as granted
from mcpist.users u join mcpist.plans p on p.id = u.plan_id
where u.user_id = $1::uuid`;

interface Entry {
  readonly value: Permissions | null;
  readonly version: string;
  readonly loadedAt: number;
  retryAt: number;
}

interface Loading {
  /** True once what was asked for has changed since. */
  stale: boolean;
  readonly answer: Promise<Entry>;
}

/**
 * Grants that the registry can run: a tool of a server only as it was approved. Order follows the registry, so that listings are stable.
 */
export function intersect(
  registry: Registry,
  granted: readonly Granted[],
): ReadonlyMap<string, ReadonlyMap<string, RegisteredTool>> {
  const pins = new Map<string, Map<string, string | null>>();
  for (const [module, tool, pin] of granted) pins.set(module, (pins.get(module) ?? new Map()).set(tool, pin));
  const allowed = new Map<string, ReadonlyMap<string, RegisteredTool>>();
  for (const module of registry.values()) {
    const wanted = pins.get(module.name);
    if (!wanted) continue;
    // undefined, which is no grant, equals no pin.
    const tools = new Map([...module.tools].filter(([name, { pin }]) => wanted.get(name) === pin));
    if (tools.size > 0) allowed.set(module.name, tools);
  }
  return allowed;
}

const announcedAs = (userId: string): string => hash("sha256", userId, "hex").slice(0, 16);

/** Builds the cache. */
export function createPermissionCache({
  database,
  registry,
  now,
  onGrace,
  onChange = () => {},
}: PermissionSources): PermissionCache {
  const entries = new Map<string, Entry>();
  const loading = new Map<string, Loading>();
  /** User id by announced name, of everybody who is cached or being loaded. */
  const announced = new Map<string, string>();
  const forget = (userId: string): void => {
    entries.delete(userId);
    if (!loading.has(userId)) announced.delete(announcedAs(userId));
  };

  async function load(userId: string, state: { stale: boolean }): Promise<Entry> {
    for (;;) {
      state.stale = false;
      const startedAt = now();
      const [row] = await database.query<Row>(LOAD, [userId]);
      // A drop that arrives while a load is under way must not be undone by that load's older answer.
      if (state.stale) continue;
      const value = row
        ? {
            active: row.status === "active",
            perMinute: row.per_minute,
            plan: row.plan_id,
            monthExhausted: row.month_exhausted,
            allowed: intersect(registry, row.granted),
          }
        : null;
      const entry: Entry = { value, version: row?.version ?? "", loadedAt: startedAt, retryAt: 0 };
      entries.delete(userId);
      // An unknown user is not remembered: the row may be written the moment after sign-up.
      if (!row) return entry;
      entries.set(userId, entry);
      if (entries.size > MAX_USERS) {
        const oldest = entries.keys().next();
        if (!oldest.done) forget(oldest.value);
      }
      return entry;
    }
  }

  function loadOnce(userId: string): Promise<Entry> {
    const running = loading.get(userId);
    if (running) return running.answer;
    const state = { stale: false };
    const answer = load(userId, state).finally(() => {
      loading.delete(userId);
      if (!entries.has(userId)) forget(userId);
    });
    loading.set(userId, Object.assign(state, { answer }));
    announced.set(announcedAs(userId), userId);
    return answer;
  }

  function drop(userId: string): void {
    const running = loading.get(userId);
    if (running) running.stale = true;
    forget(userId);
    onChange(userId);
  }

  return {
    async get(userId) {
      const entry = entries.get(userId);
      const age = entry ? now() - entry.loadedAt : Number.POSITIVE_INFINITY;
      if (entry?.value && age < PERMISSIONS_TTL_MS) {
        entries.delete(userId);
        entries.set(userId, entry);
        return entry.value;
      }
      if (entry?.value && age < PERMISSIONS_GRACE_MS && now() < entry.retryAt) return entry.value;
      try {
        return (await loadOnce(userId)).value;
      } catch (cause) {
        const kept = entries.get(userId);
        if (!kept?.value || now() - kept.loadedAt >= PERMISSIONS_GRACE_MS) throw cause;
        kept.retryAt = now() + RETRY_MS;
        onGrace(userId);
        return kept.value;
      }
    },
    drop,
    dropAnnounced(name) {
      const userId = announced.get(name);
      if (userId !== undefined) drop(userId);
    },
    clear() {
      for (const userId of [...loading.keys(), ...entries.keys()]) drop(userId);
    },
    versions: () => new Map(Array.from(entries, ([userId, entry]) => [userId, entry.version])),
    get size() {
      return entries.size;
    },
  };
}

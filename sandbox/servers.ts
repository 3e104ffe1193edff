/**
 * Servers of a configuration as the sandbox runs them: for real, as children of its origins. Folders are the ones beside the
 * configuration. Where the origins may not change user ids every program counts as trusted: everything that it could read there is a
 * value of the sandbox's own.
 */
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Environment, EnvironmentInput } from "../contract/config.ts";

/** What a sandbox runs of somebody's own configuration. */
export type OwnParts = Pick<EnvironmentInput, "servers" | "secrets">;

/**
 * Servers and secrets as the sandbox runs them.
 * @param folder of the configuration file @param separate false = every program is trusted; absent = as this machine is
 */
export function localServers(
  { servers, secrets }: Pick<Environment, "servers" | "secrets">,
  folder: string,
  separate: boolean = process.getuid?.() === 0,
): OwnParts {
  const local = Object.entries(servers).map(([name, server]) => [
    name,
    {
      ...server,
      ...(server.folder === undefined ? {} : { folder: resolve(folder, server.folder) }),
      ...(server.command !== undefined && !separate ? { trusted: true } : {}),
    },
  ]);
  return { servers: Object.fromEntries(local), secrets };
}

/** Longest wait for the first list of a server. Unit: milliseconds. */
const SEEN_TIMEOUT_MS = 20_000;
const LOOK_MS = 100;

/**
 * Waits until origins have reported tools of each server.
 * @param ownerUrl connection string of the sandbox's own database
 * @returns the names of those of which no tool was seen: they did not start, or list none.
 */
export async function unseenServers(
  ownerUrl: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const deadline = performance.now() + SEEN_TIMEOUT_MS;
    for (;;) {
      const { rows } = await client.query<{ name: string }>(
        "select distinct module_id as name from mcpist.tool_sightings",
      );
      const unseen = names.filter((name) => !rows.some((row) => row.name === name));
      if (unseen.length === 0 || performance.now() > deadline) return unseen;
      await sleep(LOOK_MS, undefined, { signal });
    }
  } finally {
    await client.end();
  }
}

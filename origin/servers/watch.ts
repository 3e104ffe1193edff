/**
 * What the origin does about its servers: reports what they list, forgets cached permissions when their tools change, and tells the
 * operator when a tool is withheld, left out, or its server is down.
 */
import type { Database } from "../database/database.ts";
import type { EventSink } from "../events.ts";
import type { PermissionCache } from "../sieve/permissions.ts";
import type { Background } from "../telemetry/background.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Listing } from "./listing.ts";
import type { Servers } from "./servers.ts";
import { reportListing } from "./sightings.ts";

/** Reports that failed are tried again, and approvals looked at, this often. Unit: milliseconds. */
const REPORT_MS = 60_000;

/** What watching takes. */
export interface Watched {
  readonly servers: Servers;
  readonly database: Database;
  readonly permissions: PermissionCache;
  readonly events: EventSink;
  readonly metrics: Metrics;
  readonly background: Background;
  readonly line: (event: Readonly<Record<string, unknown>>) => void;
  readonly wallClock: () => Date;
}

/** Begins with the origin and ends with it. */
export function watchServers({
  servers,
  database,
  permissions,
  events,
  metrics,
  background,
  line,
  wallClock,
}: Watched): {
  start(): void;
  stop(): Promise<void>;
} {
  /** The newest listing of each server. */
  const listings = new Map<string, Listing>();
  /** Pins of the newest listing, as one text: what cached permissions were made from. */
  const shown = new Map<string, string>();
  /** Tools that were said to be withheld, by server: once until they are as approved again, however often they change meanwhile. */
  const told = new Map<string, ReadonlySet<string>>();

  const say = (event: string, more: Readonly<Record<string, unknown>>): void =>
    line({ at: wallClock().toISOString(), event, severity: "warn", ...more });

  async function report(server: string): Promise<void> {
    const listing = listings.get(server);
    if (!listing) return;
    const changed = new Set((await reportListing(database, server, listing)).map(({ tool }) => tool));
    const known = told.get(server);
    told.set(server, changed);
    for (const tool of changed)
      if (known?.has(tool) !== true)
        events.record({ event: "tool_changed", severity: "critical", requestId: null, module: server, tool });
  }

  metrics.gauge("mcpist_servers_down", "Servers whose tools are unavailable", () =>
    [...servers.states().values()].reduce((down, state) => down + (state === "up" ? 0 : 1), 0),
  );

  return {
    start() {
      servers.start({
        onListing(server, listing) {
          listings.set(server, listing);
          if (Object.keys(listing.leftOut).length > 0) say("tools_left_out", { server, ...listing.leftOut });
          const pins = JSON.stringify(Array.from(listing.tools, ([name, { pin }]) => [name, pin]));
          if (shown.get(server) === pins) return;
          shown.set(server, pins);
          permissions.clear();
          background.later(() => report(server));
        },
        onState: (server, state) => {
          if (state !== "stopped") say("server_state", { server, state });
        },
        onStderr: (server, text) => say("server_output", { server, text }),
      });
      background.every(REPORT_MS, async () => {
        await servers.sweep();
        for (const server of listings.keys()) await report(server);
      });
    },
    stop: () => servers.stop(),
  };
}

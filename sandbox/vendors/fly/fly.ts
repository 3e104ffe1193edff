/**
 * Fly.io on loopback: the API listener (Machines API and GraphQL) and one public listener per app. An app's URL exists before
 * the app does, so that a gateway can be configured with it first.
 */
import { startEdge } from "../edge.ts";
import { type Listener, listen, type VendorContext, withFaults } from "../vendor.ts";
import { flyApi } from "./api.ts";
import { flyWeb } from "./web.ts";
import { FlyCloud } from "./cloud.ts";
import type { InstanceView } from "../../processes/instance-view.ts";
import type { HostStatus, Machine } from "./machine.ts";

/** Whatever is absent stays. */
export interface MachineChange {
  readonly hostStatus?: HostStatus | undefined;
  /** How long its boots take from now on; null = as long as every other. Unit: milliseconds. */
  readonly bootMs?: number | null | undefined;
}

/** A running Fly.io. */
export interface Fly {
  /** Machines API base without `/v1`. The same base serves GraphQL (`/graphql`) and the log of releases (`/api/v1`). */
  readonly url: string;
  /** Public URL of an app; stable from the first call on. */
  edgeUrl(app: string): Promise<string>;
  /** Hosts stop seeing new secrets of an app until a boot asks for them with `min_secrets_version`; false = they see them again. */
  staleHosts(app: string, stale: boolean): void;
  /** Enforces the documented limits: 1 call per second and action, burst 3. */
  limitRate(on: boolean): void;
  /** What a test or a rehearsal does to one Machine. @throws {TypeError} when there is no such Machine. */
  change(machineId: string, change: MachineChange): void;
  /** An app name that somebody else holds: 403 on read, taken on create. */
  claimName(app: string): void;
  /** Every Machine that is not destroyed. */
  instances(): readonly InstanceView[];
  close(): Promise<void>;
}

const ACTIVITIES: Readonly<Record<Machine["state"], InstanceView["activity"]>> = {
  created: "starting",
  starting: "starting",
  replacing: "starting",
  started: "serving",
  stopping: "leaving",
  suspending: "leaving",
  destroying: "leaving",
  suspended: "suspended",
  stopped: "stopped",
  destroyed: "stopped",
  failed: "failed",
};

/** @param options.program what runs instead of the origin. @throws when a port is taken. */
export async function startFly(context: VendorContext, options: { readonly program?: string } = {}): Promise<Fly> {
  const cloud = new FlyCloud(context, options.program);
  const { fly: token } = context.tokens;
  const api = await listen(
    withFaults("fly", context, flyApi(cloud, token).route("/", flyWeb(cloud, token))),
    context.port("fly"),
  );
  const edges = new Map<string, Promise<Listener>>();
  return {
    url: api.url,
    async edgeUrl(app) {
      const listener = edges.size === 0 ? "fly-edge" : null;
      const edge =
        edges.get(app) ??
        startEdge(context, { listener, platform: "fly", route: (request) => cloud.route(app, request) });
      edges.set(app, edge);
      return (await edge).url;
    },
    staleHosts(name, stale) {
      const app = cloud.apps.get(name);
      if (!app) throw new TypeError(`fly has no app "${name}"`);
      app.staleAt = stale ? app.secretsVersion : null;
    },
    limitRate(on) {
      cloud.rateLimited = on;
    },
    change(id, { hostStatus, bootMs }) {
      const machine = [...cloud.apps.values()].map((app) => app.machines.get(id)).find((found) => found !== undefined);
      if (!machine) throw new TypeError(`fly has no machine ${id}`);
      if (hostStatus !== undefined) machine.hostStatus = hostStatus;
      if (bootMs !== undefined) machine.bootMs = bootMs;
    },
    claimName(app) {
      cloud.foreign.add(app);
    },
    instances: () =>
      [...cloud.apps.values()]
        .flatMap((app) => [...app.machines.values()])
        .filter(({ state }) => state !== "destroyed")
        .map((machine) => ({
          id: machine.id,
          region: machine.region,
          rollout: machine.instanceId,
          activity: machine.state === "started" && !machine.routable ? "starting" : ACTIVITIES[machine.state],
          url: machine.running?.instance.state === "listening" ? machine.running.instance.url : null,
        })),
    async close() {
      const open = await Promise.allSettled(edges.values());
      await Promise.all([
        api.close(),
        ...open.map(async (edge) => (edge.status === "fulfilled" ? edge.value.close() : undefined)),
      ]);
      await cloud.close();
    },
  };
}

/**
 * Koyeb on loopback: the API listener and one public listener per service. A service's URL exists before the service does,
 * so that a gateway can be configured with it first.
 */
import { type Listener, listen, type VendorContext, withFaults } from "../vendor.ts";
import { startEdge } from "../edge.ts";
import { koyebApi } from "./api.ts";
import type { ConnectProxy } from "./connect-proxy.ts";
import { KoyebCloud, type RolloutBehaviour } from "./cloud.ts";
import type { InstanceView } from "../../processes/instance-view.ts";
import type { KoyebInstance } from "./records.ts";

export type { RolloutBehaviour } from "./cloud.ts";

/** A running Koyeb. App and service are named as in the vendor's console. */
export interface Koyeb {
  /** API base, `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** Public URL of a service; stable from the first call on. */
  edgeUrl(app: string, service: string): Promise<string>;
  /** What the next deployments of an app do. */
  behave(app: string, behaviour: RolloutBehaviour): void;
  /** Puts a service to sleep. light: memory kept; deep: stopped, the next request cold-starts it from its old snapshot. */
  sleep(app: string, service: string, depth: "light" | "deep"): Promise<void>;
  /** Runs so many instances of the active deployment, within the definition's maximum. */
  scale(app: string, service: string, count: number): Promise<void>;
  /** Every instance that has not ended. */
  instances(): readonly InstanceView[];
  /** The way for clients that can only speak to https://app.koyeb.com; started with the first call. */
  connectProxy(): Promise<Omit<ConnectProxy, "close">>;
  close(): Promise<void>;
}

function activityOf({ status, running, routed }: KoyebInstance): InstanceView["activity"] {
  if (status === "SLEEPING") return running ? "suspended" : "asleep";
  if (status === "HEALTHY") return routed ? "serving" : "leaving";
  if (status === "STOPPING") return "leaving";
  return status === "UNHEALTHY" ? "failed" : "starting";
}

/** @param options.program what runs instead of the origin. @throws when a port is taken. */
export async function startKoyeb(context: VendorContext, options: { readonly program?: string } = {}): Promise<Koyeb> {
  const cloud = new KoyebCloud(context, options.program);
  const api = await listen(withFaults("koyeb", context, koyebApi(cloud, context.tokens.koyeb)), context.port("koyeb"));
  let proxy: Promise<ConnectProxy> | null = null;
  const edges = new Map<string, Promise<Listener>>();
  const serviceNamed = (app: string, service: string) => {
    const found = cloud.findService(app, service);
    if (!found) throw new TypeError(`koyeb has no service "${app}/${service}"`);
    return found;
  };
  return {
    url: api.url,
    async edgeUrl(app, service) {
      const key = `${app}/${service}`;
      const listener = edges.size === 0 ? "koyeb-edge" : null;
      const edge =
        edges.get(key) ?? startEdge(context, { listener, platform: "koyeb", route: () => cloud.route(app, service) });
      edges.set(key, edge);
      return (await edge).url;
    },
    behave(app, behaviour) {
      cloud.behaviour.set(app, behaviour);
    },
    sleep: (app, service, depth) => cloud.sleep(serviceNamed(app, service), depth),
    scale: (app, service, count) => cloud.scale(serviceNamed(app, service), count),
    instances: () =>
      cloud.instances
        .list()
        .filter(({ status }) => status !== "STOPPED" && status !== "ERROR")
        .map((instance) => ({
          id: instance.id,
          region: instance.region,
          rollout: instance.deployment.id,
          activity: activityOf(instance),
          url: instance.running?.instance.state === "listening" ? instance.running.instance.url : null,
        })),
    // Loaded on demand: the certificate library is large, and most sandboxes never need it.
    connectProxy: () =>
      (proxy ??= import("./connect-proxy.ts").then(({ startConnectProxy }) => startConnectProxy(context, api.url))),
    async close() {
      await (await proxy)?.close();
      const open = await Promise.allSettled(edges.values());
      await Promise.all([
        api.close(),
        ...open.map((edge) => (edge.status === "fulfilled" ? edge.value.close() : undefined)),
      ]);
      await cloud.close();
    },
  };
}

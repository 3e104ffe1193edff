/**
 * The public side of one Worker: a listener that sends every request to one of the versions in the deployment that the
 * client's edge location has, while deployments reach the edges one after another.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listenServer, type Listener, type VendorContext } from "../../vendor.ts";
import type { Runner } from "../account.ts";
import type { Deployment, Version } from "../model.ts";
import { chooseVersion, EDGES, edgeOf, lagOf, overrideFor, pointOf, type EdgeName } from "./edges.ts";
import { Instance } from "./instance.ts";
import { ObjectOwner } from "./objects.ts";
import { hasObjects, type Placement } from "./options.ts";
import { addressOf, answer, forward } from "./proxy.ts";
import { planFaults } from "./public-faults.ts";

/** A version that was only checked, not deployed, stays ready for this long. Unit: milliseconds. */
const WARM_MS = 10_000;

/** What happens to a Worker, for tests, the timeline and scenarios. Never a secret. */
export type WorkerEvent =
  | { readonly kind: "started" | "ended"; readonly worker: string; readonly versionId: string }
  | { readonly kind: "edge"; readonly worker: string; readonly edge: EdgeName; readonly deployment: Deployment };

/** A version that is up, with the number of its requests under way. */
export interface RunningVersion {
  readonly versionId: string;
  readonly inFlight: number;
  /** True when it gets no new request and waits for the last one to end. */
  readonly draining: boolean;
}

export interface HostContext {
  readonly vendor: VendorContext;
  readonly kv: Placement["kv"];
  readonly onEvent: (event: WorkerEvent) => void;
  /** Every line that a running version prints. */
  readonly onLine: (worker: string, line: string) => void;
}

export class WorkerHost implements Runner {
  readonly worker: string;
  readonly url: string;
  readonly #context: HostContext;
  readonly #listener: Listener;
  readonly #edges = new Map<EdgeName, Deployment>();
  readonly #running = new Map<string, Instance>();
  /** Out of every deployment, with requests still under way. */
  readonly #draining = new Set<Instance>();
  readonly #starting = new Map<string, Promise<Instance>>();
  /** Versions that must stay up although no edge has them yet. */
  readonly #holds = new Set<{ readonly versionIds: readonly string[] }>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #objects: Promise<ObjectOwner> | null = null;
  #closed = false;

  private constructor(worker: string, context: HostContext, listener: Listener) {
    this.worker = worker;
    this.#context = context;
    this.#listener = listener;
    this.url = listener.url;
  }

  /** @throws when the port is taken. */
  static async listen(worker: string, port: number, context: HostContext): Promise<WorkerHost> {
    let host: WorkerHost | null = null;
    const server = createServer((incoming, outgoing) => {
      if (host) void host.#serve(incoming, outgoing);
      else answer(outgoing, 503, "not ready");
    });
    server.keepAliveTimeout = 65_000;
    host = new WorkerHost(worker, context, await listenServer(server, port));
    return host;
  }

  /** Starts a version without giving it requests, to see whether it runs. @throws {ApiError} 10021. */
  async check(version: Version): Promise<void> {
    const hold = this.#hold([version.id]);
    try {
      await this.#ensure(version);
    } finally {
      this.#after(WARM_MS, () => this.#drop(hold));
    }
  }

  /**
   * Starts what a deployment needs; the returned function then sends it to the edges.
   * @throws {ApiError} 10021 when a version does not start; then nothing has changed.
   */
  async prepare(versions: readonly Version[]): Promise<(deployment: Deployment) => void> {
    const hold = this.#hold(versions.map((version) => version.id));
    try {
      await Promise.all(versions.map((version) => this.#ensure(version)));
    } catch (error) {
      this.#drop(hold);
      throw error;
    }
    return (deployment) => {
      const lag = this.#context.vendor.timings.edgeLagMs;
      for (const edge of EDGES) this.#after(lagOf(edge, deployment.number, lag), () => this.#switch(edge, deployment));
      this.#after(lag + 1, () => {
        this.#drop(hold);
        void this.#moveObjects(deployment, versions);
      });
    };
  }

  /** The deployment that each edge runs now. */
  edges(): readonly { readonly edge: EdgeName; readonly deployment: Deployment | null }[] {
    return EDGES.map((edge) => ({ edge, deployment: this.#edges.get(edge) ?? null }));
  }
  /** Versions that are up. */
  running(): readonly RunningVersion[] {
    const view = (draining: boolean) => (instance: Instance) => ({
      versionId: instance.version.id,
      inFlight: instance.inFlight,
      draining,
    });
    return [...[...this.#running.values()].map(view(false)), ...[...this.#draining].map(view(true))];
  }

  /** Runs the `scheduled` handler of the version that the first edge would choose. */
  async scheduled(cron: string, time: Date): Promise<void> {
    const deployment = this.#edges.get(EDGES[0]);
    const versionId = deployment ? chooseVersion(deployment, null, Math.random()) : null;
    const instance = versionId === null ? undefined : this.#running.get(versionId);
    await instance?.scheduled(cron, time);
  }

  /** The Worker is deleted: every edge forgets it at once. */
  forget(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#holds.clear();
    this.#edges.clear();
    this.#sweep();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.forget();
    const started = await Promise.allSettled(this.#starting.values());
    await Promise.all([
      this.#listener.close(),
      ...[...this.#draining].map((instance) => instance.end()),
      ...started.map((outcome) => (outcome.status === "fulfilled" ? outcome.value.end() : undefined)),
      this.#objects?.then((objects) => objects.close()),
    ]);
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const plan = planFaults(this.#context.vendor.faults, incoming, outgoing);
    if (!(await plan.before())) return;
    const clientAddress = addressOf(incoming.socket);
    const edge = edgeOf(clientAddress);
    const ray = `${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}-${edge}`;
    const instance = this.#choose(edge, incoming);
    if (!instance) {
      answer(outgoing, 503, "nothing is deployed here yet", { "cf-ray": ray });
      plan.done(503);
      return;
    }
    const leave = instance.enter();
    await forward(incoming, outgoing, instance, { clientAddress, ray, edge }, plan.after);
    leave();
    plan.done(outgoing.headersSent ? outgoing.statusCode : 0);
  }

  #choose(edge: EdgeName, incoming: IncomingMessage): Instance | null {
    const deployment = this.#edges.get(edge);
    if (!deployment) return null;
    const header = (name: string) => [incoming.headers[name]].flat().join(",");
    const key = header("cloudflare-workers-version-key");
    const override = overrideFor(this.worker, header("cloudflare-workers-version-overrides"));
    const versionId = chooseVersion(deployment, override, key === "" ? Math.random() : pointOf(key));
    return (versionId === null ? undefined : this.#running.get(versionId)) ?? null;
  }

  async #ensure(version: Version): Promise<void> {
    if (this.#running.has(version.id)) return;
    const starting = this.#starting.get(version.id) ?? this.#start(version);
    this.#starting.set(version.id, starting);
    await starting;
  }

  async #start(version: Version): Promise<Instance> {
    try {
      const instance = await this.#launch(version);
      this.#running.set(version.id, instance);
      this.#context.onEvent({ kind: "started", worker: this.worker, versionId: version.id });
      return instance;
    } finally {
      this.#starting.delete(version.id);
    }
  }

  async #launch(version: Version): Promise<Instance> {
    const onLine = (line: string) => this.#context.onLine(this.worker, line);
    const { kv } = this.#context;
    if (!hasObjects(version)) return Instance.start(version, { name: this.worker, objects: null, kv }, { registry: null, onLine });
    this.#objects ??= ObjectOwner.create(this.worker, kv, onLine);
    const objects = await this.#objects;
    await objects.ensure(version);
    return Instance.start(version, { name: this.worker, objects: { owner: objects.name }, kv }, { registry: objects.registry, onLine });
  }

  #switch(edge: EdgeName, deployment: Deployment): void {
    // An edge never goes back to an older deployment, even when a newer one overtook it.
    if ((this.#edges.get(edge)?.number ?? 0) >= deployment.number) return;
    this.#edges.set(edge, deployment);
    this.#context.onEvent({ kind: "edge", worker: this.worker, edge, deployment });
    this.#sweep();
  }

  /** Objects follow the code of the version with the largest share. */
  async #moveObjects(deployment: Deployment, versions: readonly Version[]): Promise<void> {
    const main = deployment.shares.toSorted((a, b) => b.percentage - a.percentage)[0];
    const version = versions.find((candidate) => candidate.id === main?.versionId);
    if (!this.#objects || !version || !hasObjects(version) || this.#closed) return;
    const objects = await this.#objects;
    await objects.adopt(version).catch((error: unknown) => {
      this.#context.vendor.log(`sandbox: objects of ${this.worker} did not start: ${error instanceof Error ? error.message : "unknown"}`);
    });
  }

  #hold(versionIds: readonly string[]): { readonly versionIds: readonly string[] } {
    const hold = { versionIds };
    this.#holds.add(hold);
    return hold;
  }
  #drop(hold: { readonly versionIds: readonly string[] }): void {
    this.#holds.delete(hold);
    this.#sweep();
  }
  /** Lets every version go that no edge has and nobody holds. */
  #sweep(): void {
    const held = [...this.#holds].flatMap((hold) => hold.versionIds);
    const served = [...this.#edges.values()].flatMap((deployment) => deployment.shares.map((share) => share.versionId));
    const wanted = new Set([...held, ...served]);
    for (const [versionId, instance] of this.#running) {
      if (wanted.has(versionId)) continue;
      this.#running.delete(versionId);
      void this.#retire(instance);
    }
  }

  async #retire(instance: Instance): Promise<void> {
    this.#draining.add(instance);
    await instance.release();
    this.#draining.delete(instance);
    this.#context.onEvent({ kind: "ended", worker: this.worker, versionId: instance.version.id });
  }

  #after(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }
}

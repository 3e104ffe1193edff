/**
 * The public side of one Worker: a listener that sends every request to one of the versions in the deployment that the
 * client's edge location has, while deployments reach the edges one after another.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listenServer, type Listener, type VendorContext } from "../../vendor.ts";
import type { Runner } from "../account.ts";
import { mainShare, type Deployment, type Version } from "../model.ts";
import { chooseVersion, EDGES, edgeOf, lagOf, overrideFor, pointOf, type EdgeName } from "./edges.ts";
import type { Instance } from "./instance.ts";
import type { Placement } from "./options.ts";
import { VersionPool, type RunningVersion } from "./pool.ts";
import { addressOf, answer, forward } from "./proxy.ts";
import { planFaults } from "./public-faults.ts";

/** A version that was only checked, not deployed, stays ready for this long. Unit: milliseconds. */
const WARM_MS = 10_000;

/** What happens to a Worker, for tests, the timeline and scenarios. Never a secret. */
export type WorkerEvent =
  | { readonly kind: "started" | "ended"; readonly worker: string; readonly versionId: string }
  | { readonly kind: "edge"; readonly worker: string; readonly edge: EdgeName; readonly deployment: Deployment };

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
  readonly #pool: VersionPool;
  readonly #edges = new Map<EdgeName, Deployment>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Fingerprints of what has started. */
  readonly #checked = new Set<string>();

  private constructor(worker: string, context: HostContext, listener: Listener) {
    this.worker = worker;
    this.url = listener.url;
    this.#context = context;
    this.#listener = listener;
    this.#pool = new VersionPool({
      worker,
      kv: context.kv,
      served: () =>
        [...this.#edges.values()].flatMap((deployment) => deployment.shares.map((share) => share.versionId)),
      onChange: (kind, versionId) => context.onEvent({ kind, worker, versionId }),
      onLine: (line) => context.onLine(worker, line),
    });
  }

  /** @throws when the port is taken. */
  static async listen(worker: string, port: number, context: HostContext): Promise<WorkerHost> {
    let host: WorkerHost | null = null;
    const server = createServer((incoming, outgoing) => {
      if (host) void host.#serve(incoming, outgoing);
      else answer(outgoing, 503, "not ready");
    });
    host = new WorkerHost(worker, context, await listenServer(server, port));
    return host;
  }

  /**
   * Starts a version without giving it requests, to see whether it runs. The same code with the same bindings, once it has, is not asked
   * again: a hundred uploads of it are no hundred runtimes.
   * @throws {ApiError} 10021.
   */
  async check(version: Version): Promise<void> {
    const { modules: _content, ...code } = version.code;
    const same = JSON.stringify([code, version.bindings, version.settings]);
    const fingerprint = createHash("sha256").update(same).digest("hex");
    if (this.#checked.has(fingerprint)) return;
    this.#after(WARM_MS, await this.#pool.hold([version]));
    this.#checked.add(fingerprint);
  }

  /**
   * Starts what a deployment needs; the returned function then sends it to the edges.
   * @throws {ApiError} 10021 when a version does not start; then nothing has changed.
   */
  async prepare(versions: readonly Version[]): Promise<(deployment: Deployment) => void> {
    const drop = await this.#pool.hold(versions);
    return (deployment) => {
      const lag = this.#context.vendor.timings.edgeLagMs;
      for (const edge of EDGES) this.#after(lagOf(edge, deployment.number, lag), () => this.#switch(edge, deployment));
      this.#after(lag + 1, () => {
        drop();
        void this.#moveObjects(versions.find((version) => version.id === mainShare(deployment)?.versionId));
      });
    };
  }

  /** The deployment that each edge runs now. */
  edges(): readonly { readonly edge: EdgeName; readonly deployment: Deployment | null }[] {
    return EDGES.map((edge) => ({ edge, deployment: this.#edges.get(edge) ?? null }));
  }
  running(): readonly RunningVersion[] {
    return this.#pool.view();
  }

  /** Runs the `scheduled` handler of the version that most requests meet. @throws when the handler fails. */
  async scheduled(cron: string, time: Date): Promise<void> {
    const versionId = mainShare(this.#edges.get(EDGES[0]))?.versionId;
    if (versionId !== undefined) await this.#pool.get(versionId)?.scheduled(cron, time);
  }

  /** The Worker is deleted: every edge forgets it at once. */
  async forget(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#edges.clear();
    await this.#pool.forget();
  }

  async close(): Promise<void> {
    await Promise.all([this.#listener.close(), this.forget()]);
    await this.#pool.close();
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
    return versionId === null ? null : this.#pool.get(versionId);
  }

  #switch(edge: EdgeName, deployment: Deployment): void {
    // An edge never goes back to an older deployment, even when a newer one overtook it.
    if ((this.#edges.get(edge)?.number ?? 0) >= deployment.number) return;
    this.#edges.set(edge, deployment);
    this.#context.onEvent({ kind: "edge", worker: this.worker, edge, deployment });
    this.#pool.sweep();
  }

  async #moveObjects(version: Version | undefined): Promise<void> {
    try {
      if (version) await this.#pool.moveObjects(version);
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown";
      this.#context.vendor.log(`sandbox: Durable Objects of ${this.worker} did not start: ${reason}`);
    }
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

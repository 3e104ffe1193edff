/**
 * The running versions of one Worker: started when first needed, kept while an edge serves them or somebody holds them, and
 * ended when their last request is through. Decides nothing about traffic.
 */
import type { Version } from "../model.ts";
import { Instance } from "./instance.ts";
import { ObjectOwner } from "./objects.ts";
import { hasObjects, type Placement } from "./options.ts";

/** A version that is up, with the number of its requests under way. */
export interface RunningVersion {
  readonly versionId: string;
  readonly inFlight: number;
  /** True when it gets no new request and waits for the last one to end. */
  readonly draining: boolean;
}

export interface PoolContext {
  readonly worker: string;
  readonly kv: Placement["kv"];
  /** Ids of the versions that edges serve now. */
  readonly served: () => readonly string[];
  readonly onChange: (kind: "started" | "ended", versionId: string) => void;
  /** Every line that a version prints. */
  readonly onLine: (line: string) => void;
}

export class VersionPool {
  readonly #context: PoolContext;
  readonly #running = new Map<string, Instance>();
  readonly #starting = new Map<string, Promise<void>>();
  /** Out of every deployment, with requests still under way. */
  readonly #draining = new Set<Instance>();
  readonly #holds = new Set<readonly string[]>();
  #objects: Promise<ObjectOwner> | null = null;

  constructor(context: PoolContext) {
    this.#context = context;
  }

  /** The instance that takes new requests of a version. */
  get(versionId: string): Instance | null {
    return this.#running.get(versionId) ?? null;
  }
  view(): readonly RunningVersion[] {
    const state = (draining: boolean) => (instance: Instance) => ({
      versionId: instance.version.id,
      inFlight: instance.inFlight,
      draining,
    });
    return [...[...this.#running.values()].map(state(false)), ...[...this.#draining].map(state(true))];
  }

  /**
   * Starts what does not run yet and keeps it up until the returned function is called.
   * @throws {ApiError} 10021 when a version does not start; then nothing is held.
   */
  async hold(versions: readonly Version[]): Promise<() => void> {
    const held = versions.map((version) => version.id);
    const drop = (): void => {
      this.#holds.delete(held);
      this.sweep();
    };
    this.#holds.add(held);
    try {
      await Promise.all(versions.map((version) => this.#ensure(version)));
      return drop;
    } catch (error) {
      drop();
      throw error;
    }
  }

  /** Lets every version go that no edge serves and nobody holds. */
  sweep(): void {
    const wanted = new Set([...[...this.#holds].flat(), ...this.#context.served()]);
    for (const [versionId, instance] of this.#running) {
      if (wanted.has(versionId)) continue;
      this.#running.delete(versionId);
      void this.#retire(instance);
    }
  }

  /** Lets the Durable Objects run the code of `version`; does nothing for a Worker without any. @throws {ApiError} 10021. */
  async moveObjects(version: Version): Promise<void> {
    if (this.#objects && hasObjects(version)) await (await this.#objects).adopt(version);
  }

  /** The Worker is gone: nothing is held any more, and its Durable Objects are lost. */
  async forget(): Promise<void> {
    this.#holds.clear();
    this.sweep();
    const objects = this.#objects;
    this.#objects = null;
    await (await objects)?.close();
  }

  /** Ends everything now. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#starting.values());
    const objects = this.forget();
    await Promise.all([objects, ...[...this.#draining].map((instance) => instance.end())]);
  }

  async #ensure(version: Version): Promise<void> {
    if (this.#running.has(version.id)) return;
    const starting = this.#starting.get(version.id) ?? this.#start(version);
    this.#starting.set(version.id, starting);
    await starting;
  }

  async #start(version: Version): Promise<void> {
    try {
      this.#running.set(version.id, await this.#launch(version));
      this.#context.onChange("started", version.id);
    } finally {
      this.#starting.delete(version.id);
    }
  }

  async #launch(version: Version): Promise<Instance> {
    const { worker, kv, onLine } = this.#context;
    if (!hasObjects(version))
      return Instance.start(version, { name: worker, objects: null, kv }, { registry: null, onLine });
    this.#objects ??= ObjectOwner.create(worker, kv, onLine);
    const objects = await this.#objects;
    await objects.ensure(version);
    return Instance.start(
      version,
      { name: worker, objects: { owner: objects.name }, kv },
      { registry: objects.registry, onLine },
    );
  }

  async #retire(instance: Instance): Promise<void> {
    this.#draining.add(instance);
    await instance.release();
    this.#draining.delete(instance);
    this.#context.onChange("ended", instance.version.id);
  }
}

/**
 * Durable Objects of one Worker: one process owns them, and every version of the Worker reaches the same objects there.
 * The owner keeps the code and the environment it started with until the code of the Worker changes, as objects on the
 * real platform do. Their memory, and their storage, end with the owner.
 */
import { mkdir, mkdtemp, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Version } from "../model.ts";
import { runtimeFolder } from "./folders.ts";
import { Instance } from "./instance.ts";
import type { Placement } from "./options.ts";

/** A registry entry older than five minutes is swept away; these never age. */
const NEVER_STALE = new Date("2100-01-01T00:00:00Z");
/** Versions learn of a new owner by watching the registry; the old one serves on for this long. Unit: milliseconds. */
const HANDOVER_MS = 1_000;

export class ObjectOwner {
  /** Name by which versions address the owner. */
  readonly name: string;
  /** What versions watch: exactly one entry, written by us, so that a leaving owner cannot remove the next one's. */
  readonly registry: string;
  readonly #root: string;
  readonly #leave: () => void;
  readonly #kv: Placement["kv"];
  readonly #onLine: (line: string) => void;
  #current: Promise<Instance> | null = null;
  #etag: string | null = null;
  #generation = 0;
  readonly #leaving = new Set<Instance>();

  private constructor(
    worker: string,
    { root, leave }: { readonly root: string; readonly leave: () => void },
    kv: Placement["kv"],
    onLine: (line: string) => void,
  ) {
    this.#leave = leave;
    this.name = `${worker}-objects`;
    this.#root = root;
    this.registry = join(root, "registry");
    this.#kv = kv;
    this.#onLine = onLine;
  }

  static async create(worker: string, kv: Placement["kv"], onLine: (line: string) => void): Promise<ObjectOwner> {
    const { folder, leave } = runtimeFolder();
    try {
      const owner = new ObjectOwner(worker, { root: await mkdtemp(join(folder, "objects-")), leave }, kv, onLine);
      await mkdir(owner.registry);
      return owner;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Makes sure that some owner runs; the first version that needs objects brings their code. @throws {ApiError} 10021. */
  async ensure(version: Version): Promise<void> {
    if (this.#current === null) await this.adopt(version);
    else await this.#current;
  }

  /** Lets the objects run the code of `version`. Nothing happens when they already do. @throws {ApiError} 10021. */
  async adopt(version: Version): Promise<void> {
    if (this.#etag === version.code.etag) return;
    const [previous, previousEtag] = [this.#current, this.#etag];
    this.#etag = version.code.etag;
    this.#current = this.#start(version);
    try {
      await this.#current;
    } catch (error) {
      [this.#current, this.#etag] = [previous, previousEtag];
      throw error;
    }
    if (!previous) return;
    const old = await previous;
    this.#leaving.add(old);
    setTimeout(() => void old.end().finally(() => this.#leaving.delete(old)), HANDOVER_MS).unref();
  }

  async #start(version: Version): Promise<Instance> {
    const own = join(this.#root, String(++this.#generation));
    const placement: Placement = { name: this.name, objects: { owner: this.name }, kv: this.#kv };
    const instance = await Instance.start(version, placement, { registry: own, onLine: this.#onLine });
    const entry = join(this.registry, this.name);
    await writeFile(`${own}.entry`, await readFile(join(own, this.name)));
    await utimes(`${own}.entry`, NEVER_STALE, NEVER_STALE);
    await rename(`${own}.entry`, entry);
    return instance;
  }

  async close(): Promise<void> {
    const current = await this.#current?.catch(() => null);
    await Promise.all([...this.#leaving, ...(current ? [current] : [])].map((instance) => instance.end()));
    await rm(this.#root, { recursive: true, force: true });
    this.#leave();
  }
}

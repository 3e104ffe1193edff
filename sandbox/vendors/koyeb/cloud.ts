/**
 * The behaviour of Koyeb: services, and deployments that walk the real list of statuses while old instances go on serving.
 * A deployment freezes its environment when it is made. HTTP is in api.ts, processes are in instances.ts.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { page, type Route, to } from "../edge.ts";
import type { VendorContext } from "../vendor.ts";
import { KoyebInstances } from "./instances.ts";
import { MAX_LIMIT, note } from "./lists.ts";
import { putToSleep, wakeUp } from "./sleep.ts";
import {
  freeze,
  type KoyebApp,
  type KoyebDeployment,
  type KoyebInstance,
  type KoyebSecret,
  type KoyebService,
  mark,
  ORGANIZATION,
  type ServiceStatus,
} from "./records.ts";

/** What a rollout of an app does: `fail` ends in ERROR, `stuck` never leaves STARTING. */
export type RolloutBehaviour = "normal" | "fail" | "stuck";

/** An instance that ends on its own is replaced this often per deployment. */
const RESTART_LIMIT = 3;
const FOREVER_MS = 2 ** 31 - 1;
/** Deployments in these statuses are on their way; a newer one cancels them. */
const UNDER_WAY: ReadonlySet<string> = new Set(["PENDING", "PROVISIONING", "SCHEDULED", "ALLOCATING", "STARTING"]);

export class KoyebCloud {
  readonly secrets = new Map<string, KoyebSecret>();
  readonly apps = new Map<string, KoyebApp>();
  readonly services = new Map<string, KoyebService>();
  readonly deployments = new Map<string, KoyebDeployment>();
  readonly instances: KoyebInstances;
  /** Longest page of a list. */
  pageLimit = MAX_LIMIT;
  /** By app name; absent = normal. */
  readonly behaviour = new Map<string, RolloutBehaviour>();
  readonly #context: VendorContext;
  readonly #work = new Set<Promise<void>>();
  readonly #waking = new Map<string, Promise<void>>();
  readonly #fallingAsleep = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #turn = 0;

  constructor(context: VendorContext, program: string | undefined) {
    this.#context = context;
    this.instances = new KoyebInstances(context, program);
  }

  /** How far lists are behind. Unit: milliseconds. */
  get listLagMs(): number {
    return this.#context.timings.listLagMs;
  }

  findService(appName: string, serviceName: string): KoyebService | undefined {
    return [...this.services.values()].find(
      (service) =>
        service.name === serviceName && this.apps.get(service.appId)?.name === appName && service.status !== "DELETED",
    );
  }
  appStatus(app: KoyebApp): ServiceStatus {
    const own = [...this.services.values()].filter(
      (service) => service.appId === app.id && service.status !== "DELETED",
    );
    return own.at(-1)?.status ?? "HEALTHY";
  }

  /** Makes a deployment from the service's definition and starts its walk. Older ones on their way are canceled. */
  deploy(service: KoyebService, skipBuild: boolean): KoyebDeployment {
    const own = this.#deploymentsOf(service);
    for (const older of own) if (UNDER_WAY.has(older.status)) older.abort.abort();
    const now = new Date();
    const deployment: KoyebDeployment = {
      id: randomUUID(),
      regionalId: randomUUID(),
      serviceId: service.id,
      appId: service.appId,
      version: own.length + 1,
      definition: structuredClone(service.definition),
      skipBuild,
      ...freeze(service.definition, this.secrets.values()),
      status: "PENDING",
      messages: [],
      abort: new AbortController(),
      restarts: 0,
      createdAt: now,
      updatedAt: now,
    };
    this.deployments.set(deployment.id, deployment);
    note(deployment);
    service.latestId = deployment.id;
    const isNew = service.activeId === null && service.status !== "RESUMING";
    this.#touch(service, isNew ? "STARTING" : service.status);
    this.#track(this.#walk(service, deployment));
    return deployment;
  }

  /** Stops everything of a service and keeps its definition. @returns false when it is on its way out, or paused already. */
  pause(service: KoyebService): boolean {
    if (["DELETING", "DELETED", "PAUSING", "PAUSED"].includes(service.status)) return false;
    this.#touch(service, "PAUSING");
    service.activeId = null;
    const own = this.#deploymentsOf(service);
    for (const deployment of own) deployment.abort.abort();
    const retired = Promise.all(own.map((deployment) => this.#retire(deployment, 0)));
    this.#track(
      retired.then(() => {
        if (service.status === "PAUSING") this.#touch(service, "PAUSED");
        return undefined;
      }),
    );
    return true;
  }

  /** A new deployment, with the secrets as they are now. */
  resume(service: KoyebService, skipBuild: boolean): void {
    this.#touch(service, "RESUMING");
    this.deploy(service, skipBuild);
  }

  /** Stops everything of a service; it is gone from every list afterwards. */
  discard(service: KoyebService): void {
    if (service.status === "DELETING") return;
    this.#touch(service, "DELETING");
    const own = this.#deploymentsOf(service);
    for (const deployment of own) deployment.abort.abort();
    const retired = Promise.all(own.map((deployment) => this.#retire(deployment, 0)));
    this.#track(retired.then(() => this.#touch(service, "DELETED")));
  }

  /** Which instance answers a request of this app's service. Wakes a sleeping service first. */
  async route(appName: string, serviceName: string): Promise<Route> {
    const service = this.findService(appName, serviceName);
    const active = this.deployments.get(service?.activeId ?? "");
    if (!service || !active) return page(404, "No active service");
    if (active.status === "SLEEPING") await this.wake(service);
    // Others woke it: the request waits with them.
    else await this.#waking.get(active.id);
    const serving = this.instances.serving(service.id);
    const chosen = serving[this.#turn++ % serving.length];
    return chosen?.running ? to(chosen.running.backend) : page(503, "No healthy instance");
  }

  /** Puts the active deployment to sleep. light = memory kept (it resumes with its old environment); deep = stopped. */
  async sleep(service: KoyebService, depth: "light" | "deep"): Promise<void> {
    const deployment = this.#active(service);
    const asleep = putToSleep(this.instances, deployment, depth).finally(() =>
      this.#fallingAsleep.delete(deployment.id),
    );
    this.#fallingAsleep.set(deployment.id, asleep);
    await asleep;
    this.#touch(service, service.status);
  }

  /** Wakes a sleeping service: light sleep resumes the memory, deep sleep boots from the deployment's frozen environment. */
  async wake(service: KoyebService): Promise<void> {
    const deployment = this.#active(service);
    const boot = (fresh: readonly KoyebInstance[]) => this.#bootAll(fresh);
    const begin = async (): Promise<void> => {
      // An instance that is woken while its process is still being stopped would end up asleep, and nobody would wake it again.
      await this.#fallingAsleep.get(deployment.id);
      await wakeUp(this.instances, deployment, boot, this.#context.timings.koyebStepMs);
    };
    const wake = this.#waking.get(deployment.id) ?? begin().finally(() => this.#waking.delete(deployment.id));
    this.#waking.set(deployment.id, wake);
    await wake;
  }

  /** Runs `count` instances of the active deployment, between 1 and the definition's `max`. */
  async scale(service: KoyebService, count: number): Promise<void> {
    const deployment = this.#active(service);
    const wanted = Math.min(Math.max(1, count), deployment.definition.scalings?.[0]?.max ?? 1);
    const present = this.instances.serving(service.id).filter((instance) => instance.deployment === deployment);
    const [region = "fra"] = this.#regions(deployment);
    const added = Array.from({ length: Math.max(0, wanted - present.length) }, (_, index) =>
      this.instances.allocate(deployment, region, present.length + index),
    );
    try {
      await this.#bootAll(added);
    } catch (error) {
      await Promise.all(added.map((instance) => this.instances.stop(instance, "ERROR")));
      throw error;
    }
    for (const instance of added) this.instances.admit(instance);
    await Promise.all(present.slice(wanted).map((instance) => this.instances.end(instance)));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const deployment of this.deployments.values()) deployment.abort.abort();
    await this.instances.close();
    await Promise.all(this.#work);
    await this.instances.close();
  }

  #active(service: KoyebService): KoyebDeployment {
    const active = this.deployments.get(service.activeId ?? "");
    if (!active) throw new TypeError(`koyeb service "${service.name}" has no active deployment`);
    return active;
  }
  #deploymentsOf(service: KoyebService): KoyebDeployment[] {
    return [...this.deployments.values()].filter((deployment) => deployment.serviceId === service.id);
  }
  #touch(service: KoyebService, status: ServiceStatus): void {
    service.version++;
    mark(service, status);
  }
  #track(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }
  #regions(deployment: KoyebDeployment): readonly string[] {
    const { regions } = deployment.definition;
    return regions && regions.length > 0 ? regions : ["fra"];
  }

  async #walk(service: KoyebService, deployment: KoyebDeployment): Promise<void> {
    const { signal } = deployment.abort;
    const step = async (status?: KoyebDeployment["status"]): Promise<void> => {
      await sleep(this.#context.timings.koyebStepMs, undefined, { signal });
      if (status) mark(deployment, status);
    };
    const behaviour = this.behaviour.get(this.apps.get(service.appId)?.name ?? "") ?? "normal";
    const immediate = deployment.definition.strategy?.type === "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE";
    try {
      await step("PROVISIONING");
      if (deployment.missingSecrets.length > 0)
        throw new Error(`secret not found: ${deployment.missingSecrets.join(", ")}`);
      await step("SCHEDULED");
      service.built = true;
      await step("ALLOCATING");
      const count = Math.max(1, deployment.definition.scalings?.[0]?.min ?? 1);
      const instances = this.#regions(deployment).flatMap((region) =>
        Array.from({ length: count }, (_, replica) => this.instances.allocate(deployment, region, replica)),
      );
      // IMMEDIATE trades downtime for speed: nothing serves until the new instances do, and nothing does if they fail.
      if (immediate) await this.#retireOlder(service, deployment, 0);
      await step("STARTING");
      if (behaviour === "stuck") await sleep(FOREVER_MS, undefined, { signal, ref: false });
      if (behaviour === "fail") throw new Error("instance exited before it became healthy");
      await this.#bootAll(instances);
      await step();
      for (const instance of instances) this.instances.admit(instance);
      mark(deployment, "HEALTHY");
      service.activeId = deployment.id;
      this.#touch(service, "HEALTHY");
      await this.#retireOlder(service, deployment, this.#context.timings.koyebDrainMs);
    } catch (error) {
      await this.#giveUp(service, deployment, error);
    }
  }

  /** A deployment that failed or was overtaken: its instances end, whatever served before serves on. */
  async #giveUp(service: KoyebService, deployment: KoyebDeployment, error: unknown): Promise<void> {
    const canceled = deployment.abort.signal.aborted;
    const message = error instanceof Error ? error.message : "unknown error";
    mark(deployment, canceled ? "CANCELING" : "ERRORING");
    deployment.messages = [canceled ? "canceled by a newer deployment" : message];
    const ended = canceled ? "STOPPED" : "ERROR";
    await Promise.all(this.instances.of(deployment).map((instance) => this.instances.stop(instance, ended)));
    mark(deployment, canceled ? "CANCELED" : "ERROR");
    if (canceled) return;
    this.#context.log(`koyeb deployment ${deployment.id} failed: ${message}`);
    if (service.status !== "DELETING" && this.instances.serving(service.id).length === 0)
      this.#touch(service, "UNHEALTHY");
  }

  async #boot(instance: KoyebInstance): Promise<void> {
    const { appId, serviceId } = instance.deployment;
    const platform = {
      KOYEB_APP_ID: appId,
      KOYEB_APP_NAME: this.apps.get(appId)?.name ?? "",
      KOYEB_SERVICE_ID: serviceId,
      KOYEB_SERVICE_NAME: this.services.get(serviceId)?.name ?? "",
      KOYEB_ORGANIZATION_ID: ORGANIZATION.id,
    };
    await this.instances.boot(instance, platform, (ended) => this.#track(this.#replace(ended)));
  }
  /** All or none: a failed one leaves no half-started neighbour behind. */
  async #bootAll(instances: readonly KoyebInstance[]): Promise<void> {
    const outcomes = await Promise.allSettled(instances.map((instance) => this.#boot(instance)));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** An instance that ended on its own is replaced by a new one with the same frozen environment. */
  async #replace(ended: KoyebInstance): Promise<void> {
    const { deployment } = ended;
    await this.instances.stop(ended, "ERROR");
    if (deployment.status === "STOPPING" || this.#closing.signal.aborted) return;
    const service = this.services.get(deployment.serviceId);
    const alone = this.instances.serving(deployment.serviceId).length === 0;
    mark(deployment, alone ? "UNHEALTHY" : "DEGRADED");
    if (service) this.#touch(service, alone ? "UNHEALTHY" : "DEGRADED");
    if (++deployment.restarts > RESTART_LIMIT) return;
    const fresh = this.instances.allocate(deployment, ended.region, ended.replica);
    try {
      await sleep(this.#context.timings.koyebStepMs, undefined, { signal: deployment.abort.signal });
      await this.#boot(fresh);
      this.instances.admit(fresh);
      mark(deployment, "HEALTHY");
      if (service) this.#touch(service, "HEALTHY");
    } catch {
      await this.instances.stop(fresh, "ERROR");
    }
  }

  async #retireOlder(service: KoyebService, newer: KoyebDeployment, drainMs: number): Promise<void> {
    const older = this.#deploymentsOf(service).filter((other) => other.version < newer.version);
    await Promise.all(older.map((deployment) => this.#retire(deployment, drainMs)));
  }

  async #retire(deployment: KoyebDeployment, drainMs: number): Promise<void> {
    // A cold start that is under way must not finish behind our back.
    deployment.abort.abort();
    const alive = this.instances
      .of(deployment)
      .filter(({ running, status }) => running !== null || status === "SLEEPING");
    if (alive.length === 0) return;
    mark(deployment, "STOPPING");
    for (const instance of alive) if (instance.status !== "SLEEPING") mark(instance, "STOPPING");
    await sleep(drainMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    await Promise.all(alive.map((instance) => this.instances.end(instance)));
    mark(deployment, "STOPPED");
  }
}

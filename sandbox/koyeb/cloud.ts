/**
 * The behaviour of Koyeb: secrets of the organisation, services, and deployments that walk the real list of statuses while
 * old instances go on serving. A deployment freezes its environment when it is made; nothing else ever changes what an
 * instance knows. HTTP is in api.ts.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Backend, page, type Route, to } from "../edge.ts";
import { startInstance } from "../instance.ts";
import type { VendorContext } from "../vendor.ts";
import {
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

/** After the load balancer forgot an instance, its open requests may take this long; then it gets SIGTERM. Unit: milliseconds. */
const OPEN_REQUESTS_MS = 10_000;
/** Health checks that a new instance may fail before its deployment fails. */
const HEALTH_ATTEMPTS = 40;
const HEALTH_TIMEOUT_MS = 5_000;
/** Deployments in these statuses are on their way; a newer one cancels them. */
const UNDER_WAY: ReadonlySet<string> = new Set(["PENDING", "PROVISIONING", "SCHEDULED", "ALLOCATING", "STARTING"]);

export class KoyebCloud {
  readonly secrets = new Map<string, KoyebSecret>();
  readonly apps = new Map<string, KoyebApp>();
  readonly services = new Map<string, KoyebService>();
  readonly deployments = new Map<string, KoyebDeployment>();
  readonly instances = new Map<string, KoyebInstance>();
  /** By app name; absent = normal. */
  readonly behaviour = new Map<string, RolloutBehaviour>();
  readonly #context: VendorContext;
  readonly #program: string | undefined;
  readonly #work = new Set<Promise<void>>();
  readonly #waking = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #turn = 0;

  constructor(context: VendorContext, program: string | undefined) {
    this.#context = context;
    this.#program = program;
  }

  findService(appName: string, serviceName: string): KoyebService | undefined {
    return [...this.services.values()].find(
      (service) => service.name === serviceName && this.apps.get(service.appId)?.name === appName && service.status !== "DELETED",
    );
  }
  instancesOf(deployment: KoyebDeployment): KoyebInstance[] {
    return [...this.instances.values()].filter((instance) => instance.deployment === deployment);
  }
  appStatus(app: KoyebApp): ServiceStatus {
    const own = [...this.services.values()].filter((service) => service.appId === app.id && service.status !== "DELETED");
    return own.at(-1)?.status ?? "HEALTHY";
  }

  /** Makes a deployment from the service's definition and starts its walk. Older ones on their way are canceled. */
  deploy(service: KoyebService, skipBuild: boolean): KoyebDeployment {
    const byName = new Map([...this.secrets.values()].map((secret) => [secret.name, secret.value]));
    const environment: Record<string, string> = {};
    const missingSecrets: string[] = [];
    for (const { key, value, secret } of service.definition.env ?? []) {
      const text = secret === undefined || secret === "" ? (value ?? "") : byName.get(secret);
      if (text === undefined) missingSecrets.push(secret ?? "");
      else environment[key] = text;
    }
    for (const older of this.deployments.values()) if (older.serviceId === service.id && UNDER_WAY.has(older.status)) older.abort.abort();
    const now = new Date();
    const deployment: KoyebDeployment = {
      id: randomUUID(),
      regionalId: randomUUID(),
      serviceId: service.id,
      appId: service.appId,
      version: [...this.deployments.values()].filter((other) => other.serviceId === service.id).length + 1,
      definition: structuredClone(service.definition),
      skipBuild,
      environment,
      missingSecrets,
      status: "PENDING",
      messages: [],
      abort: new AbortController(),
      createdAt: now,
      updatedAt: now,
    };
    this.deployments.set(deployment.id, deployment);
    service.latestId = deployment.id;
    this.#touch(service, service.activeId === null ? "STARTING" : service.status);
    this.#track(this.#walk(service, deployment));
    return deployment;
  }

  /** Stops everything of a service; it is gone from every list afterwards. */
  discard(service: KoyebService): void {
    if (service.status !== "DELETING") this.#track(this.#remove(service));
  }
  async #remove(service: KoyebService): Promise<void> {
    this.#touch(service, "DELETING");
    const own = [...this.deployments.values()].filter((deployment) => deployment.serviceId === service.id);
    for (const deployment of own) deployment.abort.abort();
    await Promise.all(own.map((deployment) => this.#retire(deployment, 0)));
    this.#touch(service, "DELETED");
  }

  /** Which instance answers a request of this app's service. Wakes a sleeping service first. */
  async route(appName: string, serviceName: string): Promise<Route> {
    const service = this.findService(appName, serviceName);
    const active = this.deployments.get(service?.activeId ?? "");
    if (!service || !active) return page(404, "No active service");
    if (active.status === "SLEEPING") await this.wake(service);
    const serving = this.#serving(service);
    const chosen = serving[this.#turn++ % serving.length];
    return chosen?.running ? to(chosen.running.backend) : page(503, "No healthy instance");
  }

  /** Puts the active deployment to sleep. light = memory kept (it resumes with its old environment); deep = stopped. */
  async sleep(service: KoyebService, depth: "light" | "deep"): Promise<void> {
    const deployment = this.#active(service);
    mark(deployment, "SLEEPING");
    const awake = this.instancesOf(deployment).filter((instance) => instance.running !== null);
    await Promise.all(
      awake.map(async (instance) => {
        instance.routed = false;
        mark(instance, "SLEEPING");
        await instance.running?.backend.drain(OPEN_REQUESTS_MS);
        if (depth === "light") instance.running?.instance.suspend();
        else await this.#stop(instance, "SLEEPING");
      }),
    );
    this.#touch(service, service.status);
  }

  /** Wakes a sleeping service: light sleep resumes the memory, deep sleep boots from the deployment's frozen environment. */
  async wake(service: KoyebService): Promise<void> {
    const deployment = this.#active(service);
    const wake = this.#waking.get(deployment.id) ?? this.#wakeUp(deployment).finally(() => this.#waking.delete(deployment.id));
    this.#waking.set(deployment.id, wake);
    await wake;
  }

  /** Runs `count` instances of the active deployment, between 1 and the definition's `max`. */
  async scale(service: KoyebService, count: number): Promise<void> {
    const deployment = this.#active(service);
    const wanted = Math.min(Math.max(1, count), deployment.definition.scalings?.[0]?.max ?? 1);
    const present = this.#serving(service).filter((instance) => instance.deployment === deployment);
    const added = Array.from({ length: Math.max(0, wanted - present.length) }, (_, index) =>
      this.#allocate(deployment, this.#regions(deployment)[0] ?? "fra", present.length + index),
    );
    await Promise.all(added.map((instance) => this.#boot(instance)));
    for (const instance of added) this.#admit(instance);
    await Promise.all(present.slice(wanted).map((instance) => this.#end(instance)));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const deployment of this.deployments.values()) deployment.abort.abort();
    await Promise.all([...this.instances.values()].map(async (instance) => instance.running?.instance.stop("SIGTERM", 1_000)));
    await Promise.all(this.#work);
    await Promise.all([...this.instances.values()].map(async (instance) => instance.running?.instance.kill()));
  }

  #active(service: KoyebService): KoyebDeployment {
    const active = service.activeId === null ? undefined : this.deployments.get(service.activeId);
    if (!active) throw new TypeError(`koyeb service "${service.name}" has no active deployment`);
    return active;
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
  #serving(service: KoyebService): KoyebInstance[] {
    return [...this.instances.values()].filter(
      (instance) => instance.deployment.serviceId === service.id && instance.routed && instance.running?.instance.state === "listening",
    );
  }
  #allocate(deployment: KoyebDeployment, region: string, replica: number): KoyebInstance {
    const now = new Date();
    const instance: KoyebInstance = {
      id: randomUUID(),
      deployment,
      region,
      replica,
      status: "ALLOCATING",
      routed: false,
      messages: [],
      running: null,
      createdAt: now,
      updatedAt: now,
    };
    this.instances.set(instance.id, instance);
    return instance;
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
      if (deployment.missingSecrets.length > 0) throw new Error(`secret not found: ${deployment.missingSecrets.join(", ")}`);
      await step("SCHEDULED");
      service.built = true;
      await step("ALLOCATING");
      const count = Math.max(1, deployment.definition.scalings?.[0]?.min ?? 1);
      const instances = this.#regions(deployment).flatMap((region) =>
        Array.from({ length: count }, (_, replica) => this.#allocate(deployment, region, replica)),
      );
      // IMMEDIATE trades downtime for speed: nothing serves until the new instances do, and nothing does if they fail.
      if (immediate) await this.#retireOlder(service, deployment, 0);
      await step("STARTING");
      if (behaviour === "stuck") await sleep(2 ** 31 - 1, undefined, { signal, ref: false });
      if (behaviour === "fail") throw new Error("instance exited before it became healthy");
      await Promise.all(instances.map((instance) => this.#boot(instance)));
      await step();
      for (const instance of instances) this.#admit(instance);
      mark(deployment, "HEALTHY");
      service.activeId = deployment.id;
      this.#touch(service, "HEALTHY");
      await this.#retireOlder(service, deployment, this.#context.timings.koyebDrainMs);
    } catch (error) {
      await this.#giveUp(service, deployment, error);
    }
  }

  async #giveUp(service: KoyebService, deployment: KoyebDeployment, error: unknown): Promise<void> {
    const canceled = deployment.abort.signal.aborted;
    const message = error instanceof Error ? error.message : "unknown error";
    if (deployment.status === "HEALTHY") return;
    mark(deployment, canceled ? "CANCELING" : "ERRORING");
    deployment.messages = [canceled ? "canceled by a newer deployment" : message];
    await Promise.all(this.instancesOf(deployment).map((instance) => this.#stop(instance, canceled ? "STOPPED" : "ERROR")));
    mark(deployment, canceled ? "CANCELED" : "ERROR");
    if (!canceled) this.#context.log(`koyeb deployment ${deployment.id} failed: ${message}`);
    if (!canceled && service.status !== "DELETING" && this.#serving(service).length === 0) this.#touch(service, "UNHEALTHY");
  }

  /** Starts the process and waits for its health check. @throws when it ends, or never becomes healthy. */
  async #boot(instance: KoyebInstance): Promise<void> {
    const { deployment } = instance;
    const { signal } = deployment.abort;
    const service = this.services.get(deployment.serviceId);
    const app = this.apps.get(deployment.appId);
    mark(instance, "STARTING");
    const environment = {
      ...deployment.environment,
      KOYEB_INSTANCE_ID: instance.id,
      KOYEB_REGIONAL_DEPLOYMENT_ID: deployment.regionalId,
      KOYEB_REGION: instance.region,
      KOYEB_APP_ID: deployment.appId,
      KOYEB_APP_NAME: app?.name ?? "",
      KOYEB_SERVICE_ID: deployment.serviceId,
      KOYEB_SERVICE_NAME: service?.name ?? "",
      KOYEB_ORGANIZATION_ID: ORGANIZATION.id,
    };
    const { log } = this.#context;
    const process = await startInstance(environment, { id: `koyeb ${instance.id}`, log, program: this.#program, signal });
    instance.running = { instance: process, backend: new Backend(process.port) };
    const path = deployment.definition.health_checks?.[0]?.http?.path ?? "/health";
    for (let attempt = 1; !(await process.healthy(path, HEALTH_TIMEOUT_MS)); attempt++) {
      if (attempt === HEALTH_ATTEMPTS || process.state === "exited") throw new Error(`health check GET ${path} failed`);
      await sleep(this.#context.timings.koyebStepMs / 4, undefined, { signal });
    }
  }

  async #retireOlder(service: KoyebService, newer: KoyebDeployment, drainMs: number): Promise<void> {
    const older = [...this.deployments.values()].filter((other) => other.serviceId === service.id && other.version < newer.version);
    await Promise.all(older.map((deployment) => this.#retire(deployment, drainMs)));
  }

  async #retire(deployment: KoyebDeployment, drainMs: number): Promise<void> {
    // A cold start that is under way must not finish behind our back.
    deployment.abort.abort();
    const alive = this.instancesOf(deployment).filter((instance) => instance.running !== null || instance.status === "SLEEPING");
    if (alive.length === 0) return;
    mark(deployment, "STOPPING");
    for (const instance of alive) if (instance.status !== "SLEEPING") mark(instance, "STOPPING");
    await this.#pause(drainMs);
    await Promise.all(alive.map((instance) => this.#end(instance)));
    mark(deployment, "STOPPED");
  }

  /** Takes an instance out of the load balancer, lets its open requests finish, then stops it. */
  async #end(instance: KoyebInstance): Promise<void> {
    instance.routed = false;
    await instance.running?.backend.drain(OPEN_REQUESTS_MS);
    await this.#stop(instance, "STOPPED");
  }
  async #stop(instance: KoyebInstance, status: KoyebInstance["status"]): Promise<void> {
    instance.routed = false;
    await instance.running?.instance.stop();
    instance.running = null;
    mark(instance, status);
  }
  #admit(instance: KoyebInstance): void {
    instance.routed = true;
    mark(instance, "HEALTHY");
  }
  /** A wait that ends early when the sandbox closes. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  async #wakeUp(deployment: KoyebDeployment): Promise<void> {
    const asleep = this.instancesOf(deployment).filter((instance) => instance.status === "SLEEPING");
    const cold = asleep.filter((instance) => instance.running === null);
    for (const instance of asleep) {
      instance.running?.instance.resume();
      if (instance.running) this.#admit(instance);
      else mark(instance, "STOPPED");
    }
    // A cold start is a new instance of the same deployment.
    const fresh = cold.map((instance) => this.#allocate(deployment, instance.region, instance.replica));
    mark(deployment, fresh.length > 0 ? "STARTING" : "HEALTHY");
    if (fresh.length === 0) return;
    try {
      await sleep(this.#context.timings.koyebStepMs, undefined, { signal: deployment.abort.signal });
      await Promise.all(fresh.map((instance) => this.#boot(instance)));
      for (const instance of fresh) this.#admit(instance);
      mark(deployment, "HEALTHY");
    } catch (error) {
      await Promise.all(fresh.map((instance) => this.#stop(instance, "ERROR")));
      if (deployment.status === "STARTING") mark(deployment, "UNHEALTHY");
      throw error;
    }
  }
}

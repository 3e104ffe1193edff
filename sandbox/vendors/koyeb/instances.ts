/**
 * The instances of Koyeb's deployments: where they come from, which of them the load balancer may choose, and how they end.
 * An instance knows what its deployment froze, and nothing else ever reaches it.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Backend, GATEWAY_ENVIRONMENT } from "../edge.ts";
import { startInstance } from "../../processes/instance.ts";
import { startLight } from "../../processes/light.ts";
import type { VendorContext } from "../vendor.ts";
import { note } from "./lists.ts";
import { type InstanceStatus, type KoyebDeployment, type KoyebInstance, mark } from "./records.ts";

/** After the load balancer forgot an instance, its open requests may take this long; then it gets SIGTERM. Unit: milliseconds. */
const OPEN_REQUESTS_MS = 30_000;
/** Health checks that a new instance may fail before its deployment fails. */
const HEALTH_ATTEMPTS = 40;
const HEALTH_TIMEOUT_MS = 5_000;

export class KoyebInstances {
  readonly #all = new Map<string, KoyebInstance>();
  readonly #context: VendorContext;
  readonly #program: string | undefined;

  constructor(context: VendorContext, program: string | undefined) {
    this.#context = context;
    this.#program = program;
  }

  get(id: string): KoyebInstance | undefined {
    return this.#all.get(id);
  }
  /** Oldest first; ended ones stay listed as STOPPED or ERROR. */
  list(): KoyebInstance[] {
    return [...this.#all.values()];
  }
  of(deployment: KoyebDeployment): KoyebInstance[] {
    return this.list().filter((instance) => instance.deployment === deployment);
  }
  /** Those of a service that answer requests now. */
  serving(serviceId: string): KoyebInstance[] {
    return this.list().filter(
      ({ deployment, routed, running }) =>
        deployment.serviceId === serviceId && routed && running?.instance.state === "listening",
    );
  }

  allocate(deployment: KoyebDeployment, region: string, replica: number): KoyebInstance {
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
    this.#all.set(instance.id, instance);
    note(instance);
    return instance;
  }

  /**
   * Starts the process and waits for its health check.
   * @param platform variables that only the platform knows. @param onExit called when the process ends on its own.
   * @throws when it ends, never becomes healthy, or its deployment is given up.
   */
  async boot(
    instance: KoyebInstance,
    platform: Readonly<Record<string, string>>,
    onExit: (instance: KoyebInstance) => void,
  ): Promise<void> {
    const { deployment } = instance;
    const { signal } = deployment.abort;
    const { log, timings } = this.#context;
    mark(instance, "STARTING");
    const environment = {
      ...GATEWAY_ENVIRONMENT,
      ...(this.#context.modules === undefined ? {} : { MCPIST_MODULES: this.#context.modules }),
      ...deployment.environment,
      ...platform,
      KOYEB_INSTANCE_ID: instance.id,
      KOYEB_REGIONAL_DEPLOYMENT_ID: deployment.regionalId,
      KOYEB_REGION: instance.region,
    };
    const process = await (this.#context.light ? startLight : startInstance)(environment, {
      id: `koyeb ${instance.id}`,
      log,
      program: this.#program,
      signal,
    });
    const running = { instance: process, backend: new Backend(process.port) };
    instance.running = running;
    const path = deployment.definition.health_checks?.[0]?.http?.path ?? "/health";
    for (let attempt = 1; !(await process.healthy(path, HEALTH_TIMEOUT_MS)); attempt++) {
      if (attempt === HEALTH_ATTEMPTS || process.state === "exited") throw new Error(`health check GET ${path} failed`);
      await sleep(timings.koyebStepMs / 4, undefined, { signal });
    }
    void process.exited.then(() => {
      // stop() sets `running` to null only after the process is gone, and clears `routed` before.
      if (instance.running === running && instance.routed) onExit(instance);
      return undefined;
    });
  }

  /** The load balancer may choose it from now on. */
  admit(instance: KoyebInstance): void {
    instance.routed = true;
    mark(instance, "HEALTHY");
  }
  /** Takes an instance out of the load balancer and lets its open requests finish. */
  async withdraw(instance: KoyebInstance): Promise<void> {
    instance.routed = false;
    await instance.running?.backend.drain(OPEN_REQUESTS_MS, () => instance.routed);
  }
  /** Withdraws, then SIGTERM. */
  async end(instance: KoyebInstance, status: InstanceStatus = "STOPPED"): Promise<void> {
    await this.withdraw(instance);
    await this.stop(instance, status);
  }
  async stop(instance: KoyebInstance, status: InstanceStatus): Promise<void> {
    instance.routed = false;
    await instance.running?.instance.stop();
    instance.running = null;
    mark(instance, status);
  }

  async close(): Promise<void> {
    await Promise.all(this.list().map(async ({ running }) => running?.instance.stop("SIGTERM", 1_000)));
  }
}

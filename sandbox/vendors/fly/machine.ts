/**
 * One Fly Machine: its states, its lease, its process. Secrets are read at boot and at no other moment, so an update, a cold
 * start or an autostart sees the newest ones and a resumed snapshot never does.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Backend, GATEWAY_ENVIRONMENT } from "../edge.ts";
import { type Instance, StartError, startInstance } from "../../processes/instance.ts";
import { startLight } from "../../processes/light.ts";
import { Trail } from "../trail.ts";
import type { VendorContext } from "../vendor.ts";
import { Checks } from "./checks.ts";
import { hasService, isStandby, type MachineConfig, type MachineState, type StopConfig } from "./config.ts";
import { durationMs } from "./duration.ts";
import { Lease, MachineConflict } from "./lease.ts";
import { machineId, versionId } from "./ids.ts";
import { type SecretHolder, secretsOnHost } from "./secrets.ts";

/** After the proxy forgot a Machine, its open requests may take this long; then it gets its kill signal. Unit: milliseconds. */
const OPEN_REQUESTS_MS = 5_000;
/** The vendor restarts a failing process ten times; fewer here, because each one costs real processor time. */
const RESTARTS = 3;

/** What a Machine knows of the app that it belongs to. */
interface OwningApp extends SecretHolder {
  readonly name: string;
}

export type HostStatus = "ok" | "unknown" | "unreachable";

/** What a list shows of a Machine. */
export interface MachineView {
  readonly state: MachineState;
  readonly instanceId: string;
  readonly config: MachineConfig;
  readonly updatedAt: Date;
  readonly cordoned: boolean;
  readonly checks: ReturnType<Checks["onWire"]>;
}

export class Machine {
  readonly id = machineId();
  readonly name: string;
  readonly region: string;
  readonly createdAt = new Date();
  updatedAt = this.createdAt;
  instanceId = versionId(this.createdAt);
  config: MachineConfig;
  state: MachineState = "created";
  cordoned = false;
  /** The host behind it; an unreachable one answers nothing and takes no change. */
  hostStatus: HostStatus = "ok";
  /** How long this one boots; null = as long as every other. Unit: milliseconds. */
  bootMs: number | null = null;
  readonly lease = new Lease(this.id);
  running: { readonly instance: Instance; readonly backend: Backend } | null = null;
  readonly events: { type: string; status: string; source: string; timestamp: number }[] = [];
  readonly #trail = new Trail<MachineView>();
  #checks: Checks | null = null;
  #restarts = 0;
  #minSecretsVersion = 0;
  #bootSecrets: Readonly<Record<string, string>> = {};
  #tail: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();
  readonly #closing = new AbortController();
  readonly #app: OwningApp;
  readonly #context: VendorContext;
  readonly #program: string | undefined;

  constructor(
    app: OwningApp,
    context: VendorContext,
    program: string | undefined,
    input: { readonly name: string; readonly region: string; readonly config: MachineConfig },
  ) {
    this.#app = app;
    this.#context = context;
    this.#program = program;
    this.name = input.name;
    this.region = input.region;
    this.config = input.config;
    this.#record("launch", "created");
    this.#trail.note(this.view, Date.now());
  }

  /** As it is. */
  get view(): MachineView {
    const { state, instanceId, config, updatedAt, cordoned } = this;
    return { state, instanceId, config, updatedAt, cordoned, checks: this.checksOnWire() };
  }
  /** As a list shows it that is `lagMs` behind; null when it was not there yet. */
  listed(lagMs: number): MachineView | null {
    return lagMs === 0 ? this.view : this.#trail.at(Date.now() - lagMs);
  }

  /** True when the proxy may send requests here: started, not cordoned, every check passing, and a service to send them to. */
  get routable(): boolean {
    return (
      this.state === "started" &&
      !this.cordoned &&
      this.hostStatus === "ok" &&
      hasService(this.config) &&
      this.#checks?.passing === true
    );
  }
  /** It will answer soon, or tell that it cannot. */
  get coming(): boolean {
    return (
      this.state === "starting" ||
      this.state === "replacing" ||
      (this.state === "started" && this.#checks?.known !== true)
    );
  }
  /** First boot of a new Machine. A standby stays stopped. */
  launch(minSecretsVersion: number): void {
    this.#minSecretsVersion = minSecretsVersion;
    if (isStandby(this.config)) return this.#become("stopped");
    void this.#enqueue(() => this.#boot());
  }

  /** Boots, or resumes a suspended snapshot. @returns the state before. */
  start(): MachineState {
    const before = this.state;
    if (before === "started" || before === "starting") return before;
    if (before !== "stopped" && before !== "suspended" && before !== "created" && before !== "failed")
      throw new MachineConflict(412, `failed_precondition: unable to start machine from current state: '${before}'`);
    this.#become("starting");
    void this.#enqueue(() => this.#resumeOrBoot());
    return before;
  }

  /** Stops; a suspended Machine loses its snapshot. @param how what differs from its configuration */
  stop(how: StopConfig = {}): void {
    if (this.state === "stopped" || this.state === "stopping") return;
    if (this.state !== "started" && this.state !== "suspended" && this.state !== "starting")
      throw new MachineConflict(412, `failed_precondition: unable to stop machine from current state: '${this.state}'`);
    void this.#enqueue(async () => {
      this.#become("stopping");
      await this.#halt(how);
      this.#become("stopped");
    });
  }

  /** Stops and boots again, with the secrets of the last boot: only a start or an update reads new ones. */
  restart(how: StopConfig = {}): void {
    if (this.state !== "started" && this.state !== "stopped")
      throw new MachineConflict(
        412,
        `failed_precondition: unable to restart machine from current state: '${this.state}'`,
      );
    void this.#enqueue(async () => {
      this.#become("stopping");
      await this.#halt(how);
      await this.#boot("of the last boot");
    });
  }

  /** Keeps the memory, and with it every value the process read at boot. */
  suspend(): void {
    if (this.state !== "started")
      throw new MachineConflict(
        412,
        `failed_precondition: unable to suspend machine from current state: '${this.state}'`,
      );
    void this.#enqueue(async () => {
      if (this.state !== "started") return;
      this.#become("suspending");
      await this.running?.backend.drain(OPEN_REQUESTS_MS);
      this.running?.instance.suspend();
      this.#become("suspended");
    });
  }

  /**
   * Replaces the configuration: a new version id. A running Machine reboots (unless `skipLaunch`); one that is not running is
   * not started. A suspended one keeps its snapshot when nothing but the version changed: the vendor does not say.
   */
  update(config: MachineConfig, options: { readonly skipLaunch: boolean; readonly minSecretsVersion: number }): void {
    if (this.state === "destroying" || this.state === "destroyed")
      throw new MachineConflict(412, "failed_precondition: machine is destroyed");
    const same = JSON.stringify(config) === JSON.stringify(this.config);
    const before = this.state;
    const reboot = before === "started" || before === "starting" || before === "replacing" || before === "stopping";
    this.config = config;
    this.#minSecretsVersion = Math.max(this.#minSecretsVersion, options.minSecretsVersion);
    this.updatedAt = new Date();
    this.instanceId = versionId(this.updatedAt);
    this.#record("update", reboot ? "replacing" : before);
    if (reboot) this.#become("replacing");
    else this.#become((before === "suspended" && same) || before === "created" ? before : "stopped");
    void this.#enqueue(async () => {
      if (!reboot) {
        if (!same) await this.#halt();
        return;
      }
      await this.#halt();
      if (options.skipLaunch) this.#become("stopped");
      else await this.#boot();
    });
  }

  /** @throws {MachineConflict} 412 while it runs and `force` is not given. */
  destroy(force: boolean): void {
    if (
      !force &&
      this.state !== "stopped" &&
      this.state !== "created" &&
      this.state !== "suspended" &&
      this.state !== "failed"
    )
      throw new MachineConflict(412, "failed_precondition: machine still active, refusing to destroy");
    this.#become("destroying");
    this.#closing.abort();
    void this.#enqueue(async () => {
      await this.#halt();
      this.#become("destroyed");
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#checks?.end();
    await this.running?.instance.stop("SIGINT", 1_000);
    await this.#tail;
    await this.running?.instance.kill();
  }

  /** Resolves true when the Machine (in version `instanceId`, if given) is in one of `states`, false after `ms`. */
  async reaches(states: ReadonlySet<MachineState>, instanceId: string | undefined, ms: number): Promise<boolean> {
    const late = new AbortController();
    const over = sleep(ms, "over", { signal: late.signal, ref: false }).catch(() => "over");
    try {
      for (;;) {
        if (states.has(this.state) && (instanceId === undefined || instanceId === this.instanceId)) return true;
        if ((await Promise.race([this.#changed.promise, over])) === "over") return false;
      }
    } finally {
      late.abort();
    }
  }

  /** Resolves when its state or a check may have changed, or after `ms`. */
  async changes(ms: number): Promise<void> {
    const late = new AbortController();
    const over = sleep(Math.max(0, ms), undefined, { signal: late.signal, ref: false }).catch(() => undefined);
    await Promise.race([this.#changed.promise, over]);
    late.abort();
  }

  /** Results of the health checks, as they look on the wire. */
  checksOnWire(): ReturnType<Checks["onWire"]> {
    return this.#checks?.onWire() ?? [];
  }

  #record(type: string, status: string): void {
    this.events.push({ type, status, source: type === "exit" ? "flyd" : "user", timestamp: Date.now() });
  }
  #become(state: MachineState): void {
    this.state = state;
    this.#trail.note(this.view, Date.now());
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
  /** One operation after the other; a failed one leaves the Machine in `failed` and is told to the operator. */
  #enqueue(operation: () => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(operation).catch((error: unknown) => {
      if (this.#closing.signal.aborted) return;
      this.#context.log(`fly machine ${this.id}: ${error instanceof Error ? error.message : "unknown error"}`);
      this.#record("exit", "failed");
      this.#become("failed");
    });
    return this.#tail;
  }
  async #halt(how: StopConfig = {}): Promise<void> {
    const { running } = this;
    if (!running) return;
    // The vendor's defaults are SIGINT and 5 s.
    const { signal = "SIGINT", timeout = "5s" } = this.config.stop_config ?? {};
    await running.backend.drain(durationMs(how.timeout ?? timeout) ?? 5000);
    await running.instance.stop(how.signal ?? signal);
    this.#forget();
  }
  async #resumeOrBoot(): Promise<void> {
    if (this.running?.instance.state !== "suspended") return this.#boot();
    await sleep(this.#context.timings.flyBootMs / 2, undefined, { signal: this.#closing.signal });
    this.running.instance.resume();
    this.#record("start", "started");
    this.#become("started");
  }

  async #boot(secrets: "fresh" | "of the last boot" = "fresh"): Promise<void> {
    this.#become("starting");
    const version = this.instanceId;
    const { signal } = this.#closing;
    const { log, timings } = this.#context;
    await sleep(this.bootMs ?? timings.flyBootMs, undefined, { signal });
    if (secrets === "fresh") {
      this.#bootSecrets = await secretsOnHost(this.#app, this.#minSecretsVersion, timings.flyBootMs, signal);
      this.#restarts = 0;
    }
    const environment = {
      ...GATEWAY_ENVIRONMENT,
      ...(this.#context.modules === undefined ? {} : { MCPIST_MODULES: this.#context.modules }),
      ...this.config.env,
      ...this.#bootSecrets,
      FLY_APP_NAME: this.#app.name,
      FLY_MACHINE_ID: this.id,
      FLY_ALLOC_ID: this.id,
      FLY_MACHINE_VERSION: version,
      FLY_REGION: this.region,
      FLY_IMAGE_REF: this.config.image,
      FLY_PROCESS_GROUP: this.config.metadata?.["fly_process_group"] ?? "",
    };
    let instance: Instance;
    try {
      instance = await (this.#context.light ? startLight : startInstance)(environment, {
        id: `fly ${this.id}`,
        log,
        program: this.#program,
        signal,
      });
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      return this.#afterExit(error.message, 1);
    }
    const running = { instance, backend: new Backend(instance.port) };
    this.running = running;
    // Replaced while it booted: the next operation in the queue takes it down again, and nobody may see it as started.
    if (version !== this.instanceId) return;
    void instance.exited.then(({ code }) => {
      if (this.running === running && this.state === "started" && !signal.aborted)
        this.#afterExit(`the process ended with code ${code}`, code);
      return undefined;
    });
    this.#checks = new Checks(
      this.config,
      instance,
      () => this.#become(this.state),
      Math.max(10, timings.flyBootMs / 4),
    );
    this.#record("start", "started");
    this.#become("started");
  }

  /** The process ended on its own: restarted as its policy says, with what it knew; else stopped. */
  #afterExit(message: string, code: number | null): void {
    this.#forget();
    this.#record("exit", "stopped");
    this.#context.log(`fly machine ${this.id}: ${message}`);
    const { policy = "on-failure", max_retries: retries = RESTARTS } = this.config.restart ?? {};
    const wanted = policy === "always" || (policy === "on-failure" && code !== 0);
    if (!wanted || this.#restarts >= Math.min(retries, RESTARTS)) return this.#become("stopped");
    this.#restarts++;
    this.#become("starting");
    void this.#enqueue(async () => {
      if (this.state === "starting") await this.#boot("of the last boot");
    });
  }

  #forget(): void {
    this.running = null;
    this.#checks?.end();
    this.#checks = null;
  }
}

/** Fly.io's apps, and its proxy: which Machine answers a request, and which one is started for it. HTTP is in api.ts. */
import type { IncomingMessage } from "node:http";
import { FLY_FORCE_INSTANCE_HEADER } from "../../../contract/headers.ts";
import { page, type Route, to } from "../edge.ts";
import type { VendorContext } from "../vendor.ts";
import { hasService, isAutostarted, type MachineConfig, type MachineState } from "./config.ts";
import { Machine } from "./machine.ts";
import type { FlyApp } from "./records.ts";

/** The proxy holds a request for a Machine that is on its way, at most this long. Unit: milliseconds. */
const HOLD_MS = 10_000;
/** Machines that run but fail their checks are tried for a shorter time: so many boot times. */
const UNHEALTHY_HOLD_BOOTS = 4;
/** A Machine that was on its way is there, or will not come. */
const ARRIVED: ReadonlySet<MachineState> = new Set(["started", "failed", "stopped", "destroyed"]);
const WAKEABLE: ReadonlySet<string> = new Set(["stopped", "suspended"]);

export class FlyCloud {
  readonly apps = new Map<string, FlyApp>();
  /** App names that another organisation holds: 403 on read, taken on create. */
  readonly foreign = new Set<string>();
  /** The vendor's documented limits are enforced. */
  rateLimited = false;
  readonly #context: VendorContext;
  readonly #program: string | undefined;
  readonly #retired: Machine[] = [];
  #turn = 0;

  constructor(context: VendorContext, program: string | undefined) {
    this.#context = context;
    this.#program = program;
  }

  /** How far lists are behind. Unit: milliseconds. */
  get listLagMs(): number {
    return this.#context.timings.listLagMs;
  }

  createMachine(
    app: FlyApp,
    input: { readonly name: string; readonly region: string; readonly config: MachineConfig },
  ): Machine {
    const machine = new Machine(app, this.#context, this.#program, input);
    app.machines.set(machine.id, machine);
    return machine;
  }

  /** Tells the operator what a client asked for and did not get. */
  report(what: string): void {
    this.#context.log(`sandbox: fly does not imitate ${what}`);
  }

  /** The name is free again at once; Machines end in their own time. */
  retire(app: FlyApp): void {
    this.apps.delete(app.name);
    this.#retired.push(...app.machines.values());
  }

  async route(appName: string, request: IncomingMessage): Promise<Route> {
    const app = this.apps.get(appName);
    if (!app) return page(404, "no such app");
    if (app.ips.length === 0) return page(502, "the app has no public IP address");
    const forced = request.headers[FLY_FORCE_INSTANCE_HEADER];
    return forced === undefined ? this.#balance(app) : this.#force(app, String(forced));
  }

  async close(): Promise<void> {
    const machines = [...this.#retired, ...[...this.apps.values()].flatMap((app) => [...app.machines.values()])];
    await Promise.all(machines.map((machine) => machine.close()));
  }

  /** One Machine, whatever its checks say; started when its service allows it. Nobody else answers in its place. */
  async #force(app: FlyApp, id: string): Promise<Route> {
    const machine = app.machines.get(id);
    if (!machine || !hasService(machine.config)) return page(404, "no such machine");
    if (machine.hostStatus === "unreachable") return page(503, "the machine's host is unreachable");
    if (WAKEABLE.has(machine.state) && isAutostarted(machine.config)) machine.start();
    if (!machine.coming && machine.state !== "started") return page(503, `machine is ${machine.state}`);
    await machine.reaches(ARRIVED, undefined, HOLD_MS);
    return machine.state === "started" && machine.running
      ? to(machine.running.backend)
      : page(503, "machine is not reachable");
  }

  async #balance(app: FlyApp): Promise<Route> {
    const asked = performance.now();
    for (;;) {
      const machines = [...app.machines.values()].filter((machine) => hasService(machine.config) && !machine.cordoned);
      const chosen = this.#leastLoaded(machines.filter((machine) => machine.routable));
      if (chosen?.running) return to(chosen.running.backend);
      const coming = (): Machine[] => machines.filter((machine) => machine.coming);
      if (coming().length === 0)
        machines.find((machine) => isAutostarted(machine.config) && WAKEABLE.has(machine.state))?.start();
      const unhealthy = machines.filter((machine) => machine.state === "started");
      const left =
        asked +
        (coming().length > 0 ? HOLD_MS : UNHEALTHY_HOLD_BOOTS * this.#context.timings.flyBootMs) -
        performance.now();
      const candidates = [...coming(), ...unhealthy];
      if (candidates.length === 0 || left <= 0) return page(503, "could not find a good candidate to route to");
      await Promise.race(candidates.map((machine) => machine.changes(left)));
    }
  }

  #leastLoaded(machines: readonly Machine[]): Machine | undefined {
    const turn = this.#turn++;
    const rotated = machines.map((_, i) => machines[(i + turn) % machines.length] as Machine);
    return rotated.sort((a, b) => (a.running?.backend.open ?? 0) - (b.running?.backend.open ?? 0))[0];
  }
}

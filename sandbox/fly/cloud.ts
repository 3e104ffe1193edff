/** Fly.io's apps, and its proxy: which Machine answers a request, and which one is started for it. HTTP is in api.ts. */
import type { IncomingMessage } from "node:http";
import { FLY_FORCE_INSTANCE_HEADER } from "../../contract/headers.ts";
import { page, type Route, to } from "../edge.ts";
import type { VendorContext } from "../vendor.ts";
import { Machine, type MachineConfig } from "./machine.ts";
import type { FlyApp } from "./records.ts";

/** The proxy holds a request for a Machine that is on its way, at most this long. Unit: milliseconds. */
const HOLD_MS = 10_000;
const WAKEABLE: ReadonlySet<string> = new Set(["stopped", "suspended"]);
const ON_ITS_WAY: ReadonlySet<string> = new Set(["created", "starting", "replacing", "started"]);

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

  createMachine(app: FlyApp, input: { readonly name: string; readonly region: string; readonly config: MachineConfig }): Machine {
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
    if (!machine?.hasService) return page(404, "no such machine");
    if (WAKEABLE.has(machine.state) && machine.autostart) machine.start();
    if (!ON_ITS_WAY.has(machine.state)) return page(503, `machine is ${machine.state}`);
    await machine.reaches(["started", "failed", "stopped", "destroyed"], undefined, HOLD_MS);
    return machine.state === "started" && machine.running ? to(machine.running.backend) : page(503, "machine is not reachable");
  }

  async #balance(app: FlyApp): Promise<Route> {
    const deadline = performance.now() + HOLD_MS;
    for (;;) {
      const machines = [...app.machines.values()].filter((machine) => machine.hasService && !machine.cordoned);
      const chosen = this.#leastLoaded(machines.filter((machine) => machine.routable));
      if (chosen?.running) return to(chosen.running.backend);
      if (!machines.some((machine) => ON_ITS_WAY.has(machine.state)))
        machines.find((machine) => machine.autostart && WAKEABLE.has(machine.state))?.start();
      const waitFor = machines.filter((machine) => ON_ITS_WAY.has(machine.state));
      if (waitFor.length === 0 || performance.now() > deadline) return page(503, "could not find a good candidate to route to");
      await Promise.race(waitFor.map((machine) => machine.changes(deadline - performance.now())));
    }
  }

  #leastLoaded(machines: readonly Machine[]): Machine | undefined {
    const turn = this.#turn++;
    const rotated = machines.map((_, i) => machines[(i + turn) % machines.length] as Machine);
    return rotated.sort((a, b) => (a.running?.backend.open ?? 0) - (b.running?.backend.open ?? 0))[0];
  }
}

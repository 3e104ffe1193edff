/** The Machines of the Machines API: create, update, start, stop, wait, lease. Behaviour is in machine.ts. */
import type { Context } from "hono";
import { z } from "zod";
import type { VendorApp } from "../vendor.ts";
import type { FlyCloud } from "./cloud.ts";
import { durationMs } from "./duration.ts";
import { type Held, LEASE_OWNER } from "./lease.ts";
import { type MachineState, STOP_SIGNALS, type StopConfig } from "./config.ts";
import type { Machine, MachineView } from "./machine.ts";
import { type FlyApp, imageRef } from "./records.ts";
import { parseBody, refuse } from "./wire.ts";

/** Request header that carries the lease. */
const NONCE = "fly-machine-lease-nonce";
/** Longest wait in one call. Unit: seconds. */
const MAX_WAIT_SECONDS = 60;
const DEFAULT_LEASE_SECONDS = 13;
/** What a caller may wait for. `settled`: any state that lasts; `stopped` needs the version that is meant. */
const WAITABLE: Readonly<Record<string, ReadonlySet<MachineState>>> = {
  started: new Set(["started"]),
  stopped: new Set(["stopped"]),
  suspended: new Set(["suspended"]),
  destroyed: new Set(["destroyed"]),
  failed: new Set(["failed"]),
  settled: new Set(["created", "started", "stopped", "suspended", "destroyed", "failed"]),
};

const text = z.string().min(1);
const signal = z.enum(STOP_SIGNALS).optional();
const timeout = z
  .string()
  .refine((duration) => durationMs(duration) !== null, "is no duration")
  .optional();
const check = z.looseObject({ type: z.enum(["http", "tcp"]).optional(), path: z.string().optional() });
const config = z.looseObject({
  image: text,
  env: z.record(z.string(), z.string()).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  services: z
    .array(
      z.looseObject({
        internal_port: z.int().optional(),
        autostart: z.boolean().optional(),
        checks: z.array(check).optional(),
      }),
    )
    .optional(),
  checks: z.record(z.string(), check).optional(),
  standbys: z.array(text).optional(),
  restart: z
    .looseObject({ policy: z.enum(["no", "always", "on-failure"]).optional(), max_retries: z.int().optional() })
    .optional(),
  stop_config: z.looseObject({ signal, timeout }).optional(),
});
const machineBody = z.looseObject({
  config,
  name: text.optional(),
  region: text.optional(),
  skip_launch: z.boolean().default(false),
  skip_secrets: z.boolean().default(false),
  skip_service_registration: z.boolean().default(false),
  min_secrets_version: z.int().min(0).nullish(),
  current_version: text.optional(),
  lease_ttl: z.int().min(0).optional(),
});
const stopBody = z.looseObject({ signal, timeout });
const restartQuery = z.looseObject({
  signal,
  /** A duration, or a number of seconds. */
  timeout: z.preprocess((said) => (typeof said === "string" && /^\d+$/.test(said) ? `${said}s` : said), timeout),
});
const leaseBody = z.looseObject({ ttl: z.int().min(1).optional(), description: z.string().optional() });

/** What a summary of a Machine leaves out. */
const DETAILS: ReadonlySet<string> = new Set(["config", "incomplete_config", "checks", "events", "host_status"]);

/** A parameter that is given again and again, or as a list that is separated by commas. */
const listOf = (given: readonly string[]): readonly string[] => given.flatMap((item) => item.split(","));
/** No filter, or one of a list. */
const among = (value: string, wanted: string | undefined): boolean =>
  wanted === undefined || listOf([wanted]).includes(value);
/** No time at all is what a client writes that was told none: the Machine's own. */
const stopOf = (how: StopConfig): StopConfig => ({
  signal: how.signal,
  timeout: durationMs(how.timeout ?? "") ? how.timeout : undefined,
});
/** Asked for and not acted on here: without secrets, without its services. */
const isBeyond = (input: z.infer<typeof machineBody>): boolean => input.skip_secrets || input.skip_service_registration;

const leaseOnWire = (lease: Held) => ({
  status: "success",
  data: {
    nonce: lease.nonce,
    expires_at: Math.floor(lease.expiresAt.getTime() / 1000),
    owner: LEASE_OWNER,
    description: lease.description,
    version: lease.version,
  },
});

/** What everybody may know of a lease: not the nonce. */
const strippedLease = (machine: Machine) => {
  const lease = machine.lease.current();
  if (lease === null) return {};
  const { description, expires_at, owner } = leaseOnWire(lease).data;
  return { lease: { description, expires_at, owner } };
};

const machineOnWire = (machine: Machine, view: MachineView = machine.view, leases = false) => {
  return {
    id: machine.id,
    name: machine.name,
    state: view.state,
    region: machine.region,
    image_ref: { ...imageRef(view.config.image), labels: {} },
    instance_id: view.instanceId,
    version: view.instanceId,
    private_ip: `fdaa:0:1:a7b::${machine.id.slice(0, 4)}`,
    created_at: machine.createdAt.toISOString(),
    updated_at: view.updatedAt.toISOString(),
    ...(machine.hostStatus === "ok" ? { config: view.config } : { incomplete_config: view.config }),
    events: machine.events.toReversed(),
    checks: view.checks,
    host_status: machine.hostStatus,
    cordoned: view.cordoned,
    ...(leases ? strippedLease(machine) : {}),
  };
};

/** Adds the routes. @param appOf the app of a request, or its refusal. */
export function machineRoutes(api: VendorApp, cloud: FlyCloud, appOf: (c: Context) => FlyApp): void {
  const machineOf = (c: Context): Machine =>
    appOf(c).machines.get(c.req.param("id") ?? "") ?? refuse(404, "machine not found");
  /** The Machine, when this caller may change it. */
  const leased = (c: Context): Machine => {
    const machine = machineOf(c);
    if (machine.hostStatus === "unreachable") refuse(503, "unavailable: the host of this machine is unreachable");
    machine.lease.check(c.req.header(NONCE));
    return machine;
  };

  const isLeased = (c: Context): boolean => c.req.query("include_leases") === "true";

  api.get("/v1/apps/:app/machines", (c) => {
    const deleted = c.req.query("include_deleted") === "true";
    const wanted = Object.entries(c.req.query()).filter(([key]) => key.startsWith("metadata."));
    const { region, state } = c.req.query();
    const listed = [...appOf(c).machines.values()].flatMap((machine) => {
      const view = machine.listed(cloud.listLagMs);
      return view === null ? [] : [{ machine, view }];
    });
    const shown = listed
      .filter(({ view }) => deleted || view.state !== "destroyed")
      .filter(({ machine, view }) => machine.region === (region ?? machine.region) && among(view.state, state))
      .filter(({ view }) =>
        wanted.every(([key, value]) => view.config.metadata?.[key.slice("metadata.".length)] === value),
      );
    const isShown = (name: string) => c.req.query("summary") !== "true" || !DETAILS.has(name);
    return c.json(
      shown.map(({ machine, view }) =>
        Object.fromEntries(Object.entries(machineOnWire(machine, view, isLeased(c))).filter(([name]) => isShown(name))),
      ),
    );
  });
  api.post("/v1/apps/:app/machines", async (c) => {
    const app = appOf(c);
    const input = await parseBody(machineBody, c);
    if (isBeyond(input)) return c.notFound();
    const name = input.name ?? `machine-${app.machines.size + 1}`;
    if ([...app.machines.values()].some((machine) => machine.name === name && machine.state !== "destroyed"))
      refuse(422, "already_exists: unique machine name violation");
    const machine = cloud.createMachine(app, { name, region: input.region ?? "nrt", config: input.config });
    const ttlSeconds = input.lease_ttl ?? 0;
    const version = machine.instanceId;
    const lease =
      ttlSeconds > 0 ? machine.lease.acquire({ ttlSeconds, description: "", version, nonce: undefined }) : null;
    if (!input.skip_launch) machine.launch(input.min_secrets_version ?? 0);
    return c.json({ ...machineOnWire(machine), ...(lease ? { nonce: lease.nonce } : {}) });
  });
  api.get("/v1/apps/:app/machines/:id", (c) => {
    const machine = machineOf(c);
    return c.json(machineOnWire(machine, machine.view, isLeased(c)));
  });
  api.post("/v1/apps/:app/machines/:id", async (c) => {
    const machine = leased(c);
    const input = await parseBody(machineBody, c);
    const { name = machine.name, region = machine.region, lease_ttl = 0 } = input;
    if (isBeyond(input) || name !== machine.name || region !== machine.region || lease_ttl > 0) return c.notFound();
    if (input.current_version !== undefined && input.current_version !== machine.instanceId)
      refuse(412, "failed_precondition: current_version does not match");
    machine.update(input.config, { skipLaunch: input.skip_launch, minSecretsVersion: input.min_secrets_version ?? 0 });
    return c.json(machineOnWire(machine));
  });
  api.delete("/v1/apps/:app/machines/:id", (c) => {
    leased(c).destroy(c.req.query("force") === "true" || c.req.query("kill") === "true");
    return c.json({ ok: true });
  });

  api.post("/v1/apps/:app/machines/:id/start", (c) =>
    c.json({ previous_state: leased(c).start(), migrated: false, new_host: "" }),
  );
  api.post("/v1/apps/:app/machines/:id/stop", async (c) => {
    const machine = leased(c);
    machine.stop(stopOf(await parseBody(stopBody, c)));
    return c.json({ ok: true });
  });
  api.post("/v1/apps/:app/machines/:id/restart", (c) => {
    const machine = leased(c);
    if (c.req.query("force_stop") === "true") return c.notFound();
    const asked = restartQuery.safeParse(c.req.query());
    machine.restart(stopOf(asked.data ?? refuse(400, "invalid_argument: signal or timeout")));
    return c.json({ ok: true });
  });
  api.post("/v1/apps/:app/machines/:id/suspend", (c) => {
    leased(c).suspend();
    return c.json({ ok: true });
  });
  for (const action of ["cordon", "uncordon"] as const)
    api.post(`/v1/apps/:app/machines/:id/${action}`, (c) => {
      leased(c).cordoned = action === "cordon";
      return c.json({ ok: true });
    });

  api.get("/v1/apps/:app/machines/:id/wait", async (c) => {
    const machine = machineOf(c);
    const asked = listOf(c.req.queries("state") ?? ["started"]);
    const version = c.req.query("instance_id") ?? c.req.query("version");
    const seconds = Number(c.req.query("timeout") ?? MAX_WAIT_SECONDS);
    const states = new Set(
      asked.flatMap((state) => [...(WAITABLE[state] ?? refuse(400, `invalid_argument: unknown state ${state}`))]),
    );
    if (asked.includes("stopped") && version === undefined) refuse(400, "invalid_argument: instance_id is required");
    if (!(seconds >= 1 && seconds <= MAX_WAIT_SECONDS))
      refuse(400, `invalid_argument: timeout must be 1 to ${MAX_WAIT_SECONDS} seconds`);
    if (!(await machine.reaches(states, version, seconds * 1000)))
      refuse(
        408,
        `deadline_exceeded: machine did not reach ${asked.join(" or ")}, it is ${machine.state} as ${machine.instanceId}`,
      );
    return c.json({ ok: true, state: machine.state, version: machine.instanceId });
  });

  api.post("/v1/apps/:app/machines/:id/lease", async (c) => {
    const machine = machineOf(c);
    const { ttl, description = "" } = await parseBody(leaseBody, c);
    const ttlSeconds = Number(c.req.query("ttl") ?? ttl ?? DEFAULT_LEASE_SECONDS);
    if (!(ttlSeconds > 0)) refuse(400, "invalid_argument: ttl");
    const nonce = c.req.header(NONCE);
    return c.json(
      leaseOnWire(machine.lease.acquire({ ttlSeconds, description, version: machine.instanceId, nonce })),
      201,
    );
  });
  api.get("/v1/apps/:app/machines/:id/lease", (c) =>
    c.json(leaseOnWire(machineOf(c).lease.current() ?? refuse(404, "lease not found"))),
  );
  api.delete("/v1/apps/:app/machines/:id/lease", (c) => {
    machineOf(c).lease.release(c.req.header(NONCE));
    return c.json({ status: "success", data: { ok: true } });
  });

  api.get("/v1/apps/:app/machines/:id/metadata", (c) => c.json(machineOf(c).config.metadata ?? {}));
  api.get("/v1/apps/:app/machines/:id/ps", (c) => {
    const { running } = machineOf(c);
    const process = {
      pid: running?.instance.pid,
      stime: 0,
      rtime: 0,
      command: "origin",
      directory: "/",
      cpu: 0,
      rss: 0,
      listen_sockets: [],
    };
    return c.json(running ? [process] : []);
  });
}

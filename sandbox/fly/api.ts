/**
 * Fly.io's Machines API (`/v1`) as the vendor's clients use it. Behaviour is in machine.ts and cloud.ts.
 * Errors are `{"error": "…"[, "status": "…"]}`.
 */
import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import type { VendorApp } from "../vendor.ts";
import type { FlyCloud } from "./cloud.ts";
import { type Machine, MachineConflict } from "./machine.ts";
import { appOnWire, type FlyApp, newApp, ORGANIZATION, OWNER, secretOnWire, writeSecrets } from "./records.ts";

/** Request header that carries the lease. */
const NONCE = "fly-machine-lease-nonce";
/** Longest wait in one call. Unit: seconds. */
const MAX_WAIT_SECONDS = 60;
const DEFAULT_LEASE_SECONDS = 13;

const text = z.string().min(1);
const check = z.looseObject({ type: z.enum(["http", "tcp"]).optional(), path: z.string().optional() });
const config = z.looseObject({
  image: text,
  env: z.record(z.string(), z.string()).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  services: z
    .array(z.looseObject({ internal_port: z.int().optional(), autostart: z.boolean().optional(), checks: z.array(check).optional() }))
    .optional(),
  checks: z.record(z.string(), check).optional(),
  standbys: z.array(text).optional(),
  stop_config: z.looseObject({ signal: z.string().optional() }).optional(),
});
const machineBody = z.looseObject({
  config,
  name: text.optional(),
  region: text.optional(),
  skip_launch: z.boolean().default(false),
  min_secrets_version: z.int().min(0).nullish(),
  current_version: text.optional(),
  lease_ttl: z.int().min(0).optional(),
});
const appBody = z.looseObject({ name: text.optional(), app_name: text.optional(), org_slug: text, network: z.string().optional() });
const secretName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/);
const secretsBody = z.looseObject({ values: z.record(secretName, z.string().nullable()) });
const leaseBody = z.looseObject({ ttl: z.int().min(1).optional(), description: z.string().optional() });
const ipBody = z.looseObject({ type: z.enum(["v4", "v6", "shared_v4", "private_v6"]), region: z.string().optional() });

/** An answer of the vendor that is no success. */
class FlyError extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string | undefined;
  constructor(status: ContentfulStatusCode, message: string, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
function raise(error: Error): never {
  throw error;
}

async function parse<T>(schema: z.ZodType<T>, c: Context): Promise<T> {
  const body = await c.req.text();
  let input: unknown;
  try {
    input = body === "" ? {} : JSON.parse(body);
  } catch {
    throw new FlyError(400, "invalid_argument: the body is not JSON");
  }
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FlyError(422, `invalid_argument: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "invalid"}`);
}

/** 1 call per second and action, burst 3; reading one Machine 5 per second, burst 10. Token buckets by action and id. */
class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  take(key: string, perSecond: number, burst: number): boolean {
    const at = performance.now();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at };
    bucket.tokens = Math.min(burst, bucket.tokens + ((at - bucket.at) / 1000) * perSecond);
    bucket.at = at;
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}

/** The routes of the API on one cloud. `token` is accepted as `Bearer` and as `FlyV1`. */
export function flyApi(cloud: FlyCloud, token: string): VendorApp {
  const api: VendorApp = new Hono();
  const limit = new RateLimit();
  const appOf = (c: Context): FlyApp => {
    const name = c.req.param("app") ?? "";
    if (cloud.foreign.has(name)) throw new FlyError(403, "not authorized to access this app");
    return cloud.apps.get(name) ?? raise(new FlyError(404, "app not found"));
  };
  const machineOf = (c: Context): Machine => {
    const machine = appOf(c).machines.get(c.req.param("id") ?? "");
    return machine ?? raise(new FlyError(404, "machine not found"));
  };
  /** The Machine, when this caller may change it. */
  const leased = (c: Context): Machine => {
    const machine = machineOf(c);
    machine.checkLease(c.req.header(NONCE));
    return machine;
  };
  const ip = (app: FlyApp, type: string): string => {
    const n = app.ips.length + 1;
    return type.endsWith("v4") ? `198.51.100.${n}` : type === "private_v6" ? `fdaa:0:1::${n}` : `2001:db8::${n}`;
  };

  api.onError((error, c) => {
    if (error instanceof MachineConflict) return c.json({ error: error.message }, error.status);
    if (!(error instanceof FlyError)) return c.json({ error: "internal error of the sandbox" }, 500);
    return c.json({ error: error.message, ...(error.code === undefined ? {} : { status: error.code }) }, error.status);
  });
  api.use("/v1/*", async (c, next) => {
    const authorization = c.req.header("authorization") ?? "";
    if (authorization !== `Bearer ${token}` && authorization !== `FlyV1 ${token}`) throw new FlyError(401, "unauthorized");
    await next();
  });
  api.use("/v1/apps/:app/*", async (c, next) => {
    const [, id, action = ""] = /\/machines(?:\/([^/]+)(?:\/([^/]+))?)?/.exec(c.req.path) ?? [];
    const reading = c.req.method === "GET" && id !== undefined && action === "";
    const key = `${c.req.method} ${action} ${id ?? c.req.path}`;
    if (cloud.rateLimited && !limit.take(key, reading ? 5 : 1, reading ? 10 : 3)) throw new FlyError(429, "rate limit exceeded");
    await next();
  });

  api.post("/v1/apps", async (c) => {
    const input = await parse(appBody, c);
    const name = input.name ?? input.app_name ?? "";
    if (!/^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/.test(name)) throw new FlyError(422, "Validation failed: Name is invalid");
    if (input.org_slug !== ORGANIZATION.slug) throw new FlyError(404, "organization not found");
    if (cloud.apps.has(name) || cloud.foreign.has(name))
      throw new FlyError(422, "Validation failed: Name has already been taken", "name_taken");
    const app = newApp(name, input.network ?? "default");
    cloud.apps.set(name, app);
    return c.json({ id: app.id, created_at: app.createdAt.getTime() }, 201);
  });
  api.get("/v1/apps", (c) => {
    const apps = c.req.query("org_slug") === ORGANIZATION.slug ? [...cloud.apps.values()] : [];
    return c.json({ total_apps: apps.length, apps: apps.map(appOnWire) });
  });
  api.get("/v1/apps/:app", (c) => c.json(appOnWire(appOf(c))));
  api.delete("/v1/apps/:app", (c) => {
    const app = appOf(c);
    const force = c.req.query("force") === "true";
    for (const machine of app.machines.values()) if (machine.state !== "destroyed") machine.destroy(force);
    cloud.retire(app);
    return c.body(null, 202);
  });

  api.get("/v1/apps/:app/secrets", (c) => {
    const app = appOf(c);
    return c.json({ secrets: [...app.secrets].map(([name, secret]) => secretOnWire(name, secret)) });
  });
  api.post("/v1/apps/:app/secrets", async (c) => {
    const app = appOf(c);
    const version = writeSecrets(app, (await parse(secretsBody, c)).values);
    return c.json({ secrets: [...app.secrets].map(([name, secret]) => secretOnWire(name, secret)), version });
  });
  const secretOf = (c: Context) => {
    const secret = appOf(c).secrets.get(c.req.param("name") ?? "");
    return secret ?? raise(new FlyError(404, "secret not found"));
  };
  api.get("/v1/apps/:app/secrets/:name", (c) => c.json(secretOnWire(c.req.param("name"), secretOf(c))));
  api.post("/v1/apps/:app/secrets/:name", async (c) => {
    const name = secretName.safeParse(c.req.param("name"));
    if (!name.success) throw new FlyError(422, "invalid_argument: secret name");
    const version = writeSecrets(appOf(c), { [name.data]: (await parse(z.looseObject({ value: z.string() }), c)).value });
    return c.json({ ...secretOnWire(name.data, secretOf(c)), version }, 201);
  });
  api.delete("/v1/apps/:app/secrets/:name", (c) => {
    secretOf(c);
    return c.json({ version: writeSecrets(appOf(c), { [c.req.param("name")]: null }) });
  });

  api.get("/v1/apps/:app/ip_assignments", (c) => c.json({ ips: appOf(c).ips }));
  api.post("/v1/apps/:app/ip_assignments", async (c) => {
    const app = appOf(c);
    const { type, region } = await parse(ipBody, c);
    const created_at = new Date().toISOString();
    const assigned = { ip: ip(app, type), region: region ?? "global", service_name: "", shared: type === "shared_v4", created_at };
    app.ips.push(assigned);
    return c.json(assigned);
  });
  api.delete("/v1/apps/:app/ip_assignments/:ip", (c) => {
    const { ips } = appOf(c);
    const index = ips.findIndex((assigned) => assigned.ip === c.req.param("ip"));
    if (index < 0) throw new FlyError(404, "ip not found");
    ips.splice(index, 1);
    return c.body(null, 204);
  });

  api.get("/v1/apps/:app/machines", (c) => {
    const deleted = c.req.query("include_deleted") === "true";
    const wanted = Object.entries(c.req.query()).filter(([key]) => key.startsWith("metadata."));
    const machines = [...appOf(c).machines.values()]
      .filter((machine) => deleted || machine.state !== "destroyed")
      .filter((machine) => wanted.every(([key, value]) => machine.config.metadata?.[key.slice("metadata.".length)] === value));
    return c.json(machines.map((machine) => machine.onWire()));
  });
  api.post("/v1/apps/:app/machines", async (c) => {
    const app = appOf(c);
    const input = await parse(machineBody, c);
    const name = input.name ?? `machine-${app.machines.size + 1}`;
    if ([...app.machines.values()].some((machine) => machine.name === name && machine.state !== "destroyed"))
      throw new FlyError(422, "already_exists: unique machine name violation");
    const machine = cloud.createMachine(app, { name, region: input.region ?? "nrt", config: input.config });
    const lease = input.lease_ttl ? machine.acquireLease(input.lease_ttl, "", undefined) : null;
    if (!input.skip_launch) machine.launch(input.min_secrets_version ?? 0);
    return c.json({ ...machine.onWire(), ...(lease ? { nonce: lease.nonce } : {}) });
  });
  api.get("/v1/apps/:app/machines/:id", (c) => c.json(machineOf(c).onWire()));
  api.post("/v1/apps/:app/machines/:id", async (c) => {
    const machine = leased(c);
    const input = await parse(machineBody, c);
    if (input.current_version !== undefined && input.current_version !== machine.instanceId)
      throw new FlyError(412, "failed_precondition: current_version does not match");
    machine.update(input.config, { skipLaunch: input.skip_launch, minSecretsVersion: input.min_secrets_version ?? 0 });
    return c.json(machine.onWire());
  });
  api.delete("/v1/apps/:app/machines/:id", (c) => {
    leased(c).destroy(c.req.query("force") === "true" || c.req.query("kill") === "true");
    return c.json({ ok: true });
  });
  api.post("/v1/apps/:app/machines/:id/start", (c) => c.json({ previous_state: leased(c).start(), migrated: false, new_host: "" }));
  for (const action of ["stop", "suspend", "restart"] as const)
    api.post(`/v1/apps/:app/machines/:id/${action}`, (c) => {
      leased(c)[action]();
      return c.json({ ok: true });
    });
  for (const action of ["cordon", "uncordon"] as const)
    api.post(`/v1/apps/:app/machines/:id/${action}`, (c) => {
      leased(c).cordoned = action === "cordon";
      return c.json({ ok: true });
    });
  api.get("/v1/apps/:app/machines/:id/wait", async (c) => {
    const machine = machineOf(c);
    const states = c.req.queries("state") ?? ["started"];
    const version = c.req.query("instance_id") ?? c.req.query("version");
    if (!states.every((state) => ["started", "stopped", "suspended", "destroyed"].includes(state)))
      throw new FlyError(400, "invalid_argument: unknown state");
    if (states.includes("stopped") && version === undefined) throw new FlyError(400, "invalid_argument: instance_id is required");
    const seconds = Math.min(MAX_WAIT_SECONDS, Number(c.req.query("timeout") ?? MAX_WAIT_SECONDS));
    if (!(seconds > 0)) throw new FlyError(400, "invalid_argument: timeout");
    if (await machine.reaches(states, version, seconds * 1000)) return c.json({ ok: true });
    throw new FlyError(408, `deadline_exceeded: machine did not reach ${states.join(" or ")}`);
  });
  const leaseOnWire = (lease: ReturnType<Machine["acquireLease"]>) => ({
    status: "success",
    data: {
      nonce: lease.nonce,
      expires_at: Math.floor(lease.expiresAt.getTime() / 1000),
      owner: OWNER,
      description: lease.description,
      version: lease.version,
    },
  });
  api.post("/v1/apps/:app/machines/:id/lease", async (c) => {
    const machine = machineOf(c);
    const { ttl, description } = await parse(leaseBody, c);
    const seconds = Number(c.req.query("ttl") ?? ttl ?? DEFAULT_LEASE_SECONDS);
    return c.json(leaseOnWire(machine.acquireLease(seconds, description ?? "", c.req.header(NONCE))), 201);
  });
  api.get("/v1/apps/:app/machines/:id/lease", (c) =>
    c.json(leaseOnWire(machineOf(c).currentLease() ?? raise(new FlyError(404, "lease not found")))),
  );
  api.delete("/v1/apps/:app/machines/:id/lease", (c) => {
    machineOf(c).releaseLease(c.req.header(NONCE));
    return c.json({ status: "success", data: { ok: true } });
  });
  api.get("/v1/apps/:app/machines/:id/metadata", (c) => c.json(machineOf(c).config.metadata ?? {}));
  return api;
}

/**
 * Fly.io's Machines API (`/v1`) as the vendor's clients use it: who may call, apps, secrets and addresses. Machines are in
 * machines-api.ts, behaviour is in cloud.ts and machine.ts.
 */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { withoutQuery, type VendorApp } from "../vendor.ts";
import type { FlyCloud } from "./cloud.ts";
import { MachineConflict } from "./lease.ts";
import { machineRoutes } from "./machines-api.ts";
import { appOnWire, assignAddress, type FlyApp, newApp, ORGANIZATION } from "./records.ts";
import { secretOnWire, secretsSince, writeSecrets } from "./secrets.ts";
import { FlyError, parseBody, RateLimit, refuse } from "./wire.ts";

const text = z.string().min(1);
const appBody = z.looseObject({
  name: text.optional(),
  app_name: text.optional(),
  org_slug: text,
  network: z.string().optional(),
});
const secretName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/);
const secretsBody = z.looseObject({ values: z.record(secretName, z.string().nullable()) });
const secretBody = z.looseObject({ value: z.string() });
const ipBody = z.looseObject({ type: z.enum(["v4", "v6", "shared_v4", "private_v6"]), region: z.string().optional() });
const APP_NAME = /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/;

/** The routes of the API on one cloud. `token` is accepted as `Bearer` and as `FlyV1`. */
export function flyApi(cloud: FlyCloud, token: string): VendorApp {
  const api: VendorApp = new Hono();
  const limit = new RateLimit();
  const appOf = (c: Context): FlyApp => {
    const name = c.req.param("app") ?? "";
    if (cloud.foreign.has(name)) refuse(403, "not authorized to access this app");
    return cloud.apps.get(name) ?? refuse(404, "app not found");
  };
  /** The secrets as a read shows them: late, but never older than `min_version`. */
  const secretsOf = (c: Context) => {
    const minVersion = Number(c.req.query("min_version") ?? 0);
    if (!Number.isSafeInteger(minVersion) || minVersion < 0) refuse(400, "invalid_argument: min_version");
    return (
      secretsSince(appOf(c), minVersion, cloud.listLagMs) ??
      refuse(400, `invalid_argument: nobody has written secrets version ${minVersion}`)
    );
  };
  const secretOf = (c: Context) => secretsOf(c).get(c.req.param("name") ?? "") ?? refuse(404, "secret not found");

  api.onError((error, c) => {
    if (error instanceof MachineConflict) return c.json({ error: error.message }, error.status);
    if (!(error instanceof FlyError)) return c.json({ error: "internal error of the sandbox" }, 500);
    return c.json({ error: error.message, ...(error.code === undefined ? {} : { status: error.code }) }, error.status);
  });
  api.use("/v1/*", async (c, next) => {
    const authorization = c.req.header("authorization") ?? "";
    if (authorization !== `Bearer ${token}` && authorization !== `FlyV1 ${token}`) refuse(401, "unauthorized");
    await next();
  });
  api.use("/v1/*", withoutQuery("app_role", "from_event_id", "sort_by", "order", "show_secrets"));
  // 1 call per second and action, burst 3; reading one Machine 5 per second, burst 10. By Machine, else by app.
  api.use("/v1/apps/:app/*", async (c, next) => {
    const [, id, action = ""] = /\/machines(?:\/([^/]+)(?:\/([^/]+))?)?/.exec(c.req.path) ?? [];
    const reading = c.req.method === "GET" && id !== undefined && action === "";
    const key = `${c.req.method} ${action} ${id ?? c.req.path}`;
    if (cloud.rateLimited && !limit.take(key, reading ? 5 : 1, reading ? 10 : 3)) refuse(429, "rate limit exceeded");
    await next();
  });

  api.post("/v1/apps", async (c) => {
    const input = await parseBody(appBody, c);
    const name = input.name ?? input.app_name ?? "";
    if (!APP_NAME.test(name)) refuse(422, "Validation failed: Name is invalid");
    if (input.org_slug !== ORGANIZATION.slug) refuse(404, "organization not found");
    if (cloud.apps.has(name) || cloud.foreign.has(name))
      refuse(422, "Validation failed: Name has already been taken", "name_taken");
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

  api.get("/v1/apps/:app/secrets", (c) =>
    c.json({ secrets: [...secretsOf(c)].map(([name, secret]) => secretOnWire(name, secret)) }),
  );
  api.post("/v1/apps/:app/secrets", async (c) => {
    const app = appOf(c);
    const version = writeSecrets(app, (await parseBody(secretsBody, c)).values);
    return c.json({ secrets: [...app.secrets].map(([name, secret]) => secretOnWire(name, secret)), version });
  });
  api.get("/v1/apps/:app/secrets/:name", (c) => c.json(secretOnWire(c.req.param("name"), secretOf(c))));
  api.post("/v1/apps/:app/secrets/:name", async (c) => {
    const name = secretName.safeParse(c.req.param("name")).data ?? refuse(422, "invalid_argument: secret name");
    const app = appOf(c);
    const version = writeSecrets(app, { [name]: (await parseBody(secretBody, c)).value });
    const written = app.secrets.get(name) ?? refuse(404, "secret not found");
    return c.json({ ...secretOnWire(name, written), version }, 201);
  });
  api.delete("/v1/apps/:app/secrets/:name", (c) => {
    const app = appOf(c);
    if (!app.secrets.has(c.req.param("name"))) refuse(404, "secret not found");
    return c.json({ version: writeSecrets(app, { [c.req.param("name")]: null }) });
  });

  // Origins have none; clients look before they scale.
  api.get("/v1/apps/:app/volumes", (c) => {
    appOf(c);
    return c.json([]);
  });
  api.get("/v1/apps/:app/ip_assignments", (c) => c.json({ ips: appOf(c).ips }));
  api.post("/v1/apps/:app/ip_assignments", async (c) => {
    const app = appOf(c);
    const { type, region } = await parseBody(ipBody, c);
    return c.json(assignAddress(app, type, region));
  });
  api.delete("/v1/apps/:app/ip_assignments/:ip", (c) => {
    const { ips } = appOf(c);
    const index = ips.findIndex((assigned) => assigned.ip === c.req.param("ip"));
    if (index < 0) refuse(404, "ip not found");
    ips.splice(index, 1);
    return c.body(null, 204);
  });

  machineRoutes(api, cloud, appOf);
  return api;
}

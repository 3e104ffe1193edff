/**
 * Koyeb's REST API as the vendor's clients use it: paths, enums, errors and paging. Behaviour is in cloud.ts.
 * Errors are `{status, code, message[, fields]}`; uint64 numbers are JSON strings.
 */
import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { withoutQuery, type VendorApp } from "../vendor.ts";
import {
  appBody,
  createServiceBody,
  invalid,
  KoyebError,
  notFound,
  parse,
  redeployBody,
  secretBody,
  serviceBody,
} from "./bodies.ts";
import type { KoyebCloud } from "./cloud.ts";
import { listed, note, paged } from "./lists.ts";
import {
  appListed,
  appOnWire,
  deploymentListed,
  deploymentOnWire,
  instanceOnWire,
  type KoyebApp,
  type KoyebSecret,
  type KoyebService,
  mark,
  ORGANIZATION,
  secretOnWire,
  serviceOnWire,
} from "./records.ts";

/** The routes of the API on one cloud. `token` is the bearer token that is accepted. */
export function koyebApi(cloud: KoyebCloud, token: string): VendorApp {
  const app: VendorApp = new Hono();
  const body = async (request: { text(): Promise<string> }): Promise<unknown> => {
    const text = await request.text();
    try {
      return text === "" ? {} : JSON.parse(text);
    } catch {
      throw new KoyebError(400, "invalid_argument", "the body is not JSON");
    }
  };
  /** What a list is made of: the records as they were a moment ago. */
  const late = <T extends { readonly updatedAt: Date }>(records: Iterable<T>): T[] => listed(records, cloud.listLagMs);
  const pageOf = <T>(all: readonly T[], c: Context) => paged(all, (key) => c.req.query(key), cloud.pageLimit);
  const among = (value: string, allowed: readonly string[] | undefined): boolean =>
    !allowed?.length || allowed.includes(value);
  /** A field that the caller wants to change: all that are sent, or those of the mask. */
  const isMeant = (c: Context, field: string): boolean =>
    c.req.query("update_mask")?.split(",").includes(field) ?? true;
  const secretOf = (id: string): KoyebSecret => cloud.secrets.get(id) ?? raise(notFound("Secret"));
  const appOf = (id: string): KoyebApp => cloud.apps.get(id) ?? raise(notFound("App"));
  const serviceOf = (id: string): KoyebService => {
    const service = cloud.services.get(id);
    return service && service.status !== "DELETED" ? service : raise(notFound("Service"));
  };
  const services = (appId?: string): KoyebService[] =>
    [...cloud.services.values()].filter(
      (service) => service.status !== "DELETED" && (!appId || service.appId === appId),
    );

  app.onError((error, c) => {
    if (!(error instanceof KoyebError))
      return c.json({ status: 500, code: "internal", message: "internal error of the sandbox" }, 500);
    const { status, code, message, fields } = error;
    return c.json({ status, code, message, ...(fields.length > 0 ? { fields } : {}) }, status);
  });
  app.use("/v1/*", async (c, next) => {
    if (c.req.header("authorization") !== `Bearer ${token}`)
      throw new KoyebError(401, "unauthorized", "token is not valid");
    await next();
  });
  app.use("/v1/*", withoutQuery("project_id", "allocation_id", "replica_index", "use_cache"));

  app.get("/v1/secrets", (c) => {
    const types = c.req.queries("types");
    // The filter is a search, not an equality: `…-secret-a` also finds `…-secret-a2`.
    const found = late(cloud.secrets.values()).filter(
      (secret) => among(secret.type, types) && secret.name.includes(c.req.query("name") ?? ""),
    );
    const { page, rest } = pageOf(found, c);
    return c.json({ secrets: page.map(secretOnWire), ...rest });
  });
  app.post("/v1/secrets", async (c) => {
    const input = parse(secretBody, await body(c.req));
    if ([...cloud.secrets.values()].some((secret) => secret.name === input.name))
      throw invalid("name", "already exists");
    const now = new Date();
    const secret: KoyebSecret = {
      id: randomUUID(),
      name: input.name,
      type: input.type,
      value: input.value,
      createdAt: now,
      updatedAt: now,
    };
    cloud.secrets.set(secret.id, secret);
    note(secret);
    return c.json({ secret: secretOnWire(secret) });
  });
  app.get("/v1/secrets/:id", (c) => c.json({ secret: secretOnWire(secretOf(c.req.param("id"))) }));
  app.on(["PUT", "PATCH"], "/v1/secrets/:id", async (c) => {
    const secret = secretOf(c.req.param("id"));
    const input = parse(secretBody.partial(), await body(c.req));
    const has = (field: "name" | "value"): boolean => input[field] !== undefined && isMeant(c, field);
    if (has("name")) secret.name = input.name ?? secret.name;
    // An empty value is taken as it is: the vendor's own client uploads one when its stdin is empty.
    if (has("value")) secret.value = input.value ?? "";
    secret.updatedAt = new Date();
    note(secret);
    return c.json({ secret: secretOnWire(secret) });
  });
  app.delete("/v1/secrets/:id", (c) => {
    cloud.secrets.delete(secretOf(c.req.param("id")).id);
    return c.json({});
  });
  app.post("/v1/secrets/:id/reveal", (c) => c.json({ value: secretOf(c.req.param("id")).value }));

  const wireApp = (record: KoyebApp) => appOnWire(record, cloud.appStatus(record));
  app.get("/v1/apps", (c) => {
    const found = late(cloud.apps.values()).filter((record) => record.name.includes(c.req.query("name") ?? ""));
    const { page, rest, hasNext } = pageOf(found, c);
    return c.json({ apps: page.map((record) => appListed(wireApp(record))), ...rest, has_next: hasNext });
  });
  app.post("/v1/apps", async (c) => {
    const input = parse(appBody, await body(c.req));
    if ([...cloud.apps.values()].some((record) => record.name === input.name)) throw invalid("name", "already exists");
    const now = new Date();
    const record: KoyebApp = { id: randomUUID(), name: input.name, createdAt: now, updatedAt: now };
    cloud.apps.set(record.id, record);
    note(record);
    return c.json({ app: wireApp(record) });
  });
  app.get("/v1/apps/:id", (c) => c.json({ app: wireApp(appOf(c.req.param("id"))) }));
  app.on(["PUT", "PATCH"], "/v1/apps/:id", async (c) => {
    const record = appOf(c.req.param("id"));
    const { name = record.name } = parse(appBody.partial(), await body(c.req));
    if (isMeant(c, "name")) record.name = name;
    record.updatedAt = new Date();
    note(record);
    return c.json({ app: wireApp(record) });
  });
  app.delete("/v1/apps/:id", (c) => {
    const record = appOf(c.req.param("id"));
    for (const service of services(record.id)) cloud.discard(service);
    cloud.apps.delete(record.id);
    return c.json({});
  });

  app.get("/v1/services", (c) => {
    const [statuses, types, regions] = ["statuses", "types", "regions"].map((key) => c.req.queries(key));
    const found = late(services(c.req.query("app_id")))
      .filter((service) => service.name.includes(c.req.query("name") ?? "") && among(service.status, statuses))
      .filter(({ definition }) => among(definition.type ?? "WEB", types))
      .filter(({ definition }) => !regions?.length || definition.regions?.some((region) => regions.includes(region)));
    const { page, rest, hasNext } = pageOf(found, c);
    return c.json({ services: page.map(serviceOnWire), ...rest, has_next: hasNext });
  });
  app.post("/v1/services", async (c) => {
    const input = parse(createServiceBody, await body(c.req));
    const record = appOf(input.app_id);
    const serviceName = input.name ?? input.definition.name ?? raise(invalid("definition.name", "is required"));
    if (services(record.id).some((service) => service.name === serviceName)) throw invalid("name", "already exists");
    const now = new Date();
    const service: KoyebService = {
      id: randomUUID(),
      appId: record.id,
      name: serviceName,
      status: "STARTING",
      definition: input.definition,
      version: 0,
      built: false,
      activeId: null,
      latestId: null,
      createdAt: now,
      updatedAt: now,
    };
    if (c.req.query("dry_run") === "true") return c.json({ service: serviceOnWire(service) });
    cloud.services.set(service.id, service);
    note(service);
    cloud.deploy(service, false);
    return c.json({ service: serviceOnWire(service) });
  });
  app.get("/v1/services/:id", (c) => c.json({ service: serviceOnWire(serviceOf(c.req.param("id"))) }));
  app.on(["PUT", "PATCH"], "/v1/services/:id", async (c) => {
    const service = serviceOf(c.req.param("id"));
    const input = parse(serviceBody, await body(c.req));
    // A part of a definition is not put into the rest here.
    if (c.req.query("update_mask") !== undefined) return c.notFound();
    if (input.skip_build && !service.built) throw invalid("skip_build", "no previous successful build");
    if (c.req.query("dry_run") === "true") return c.json({ service: serviceOnWire(service) });
    service.definition = input.definition;
    if (input.save_only) mark(service, service.status);
    else cloud.deploy(service, input.skip_build);
    return c.json({ service: serviceOnWire(service) });
  });
  app.delete("/v1/services/:id", (c) => {
    cloud.discard(serviceOf(c.req.param("id")));
    return c.json({});
  });
  app.post("/v1/services/:id/redeploy", async (c) => {
    const service = serviceOf(c.req.param("id"));
    const input = parse(redeployBody, await body(c.req));
    if (input.skip_build && !service.built) throw invalid("skip_build", "no previous successful build");
    return c.json({ deployment: deploymentOnWire(cloud.deploy(service, input.skip_build)) });
  });

  app.post("/v1/services/:id/pause", (c) => {
    const service = serviceOf(c.req.param("id"));
    if (!cloud.pause(service)) throw new KoyebError(400, "failed_precondition", `Service is ${service.status}`);
    return c.json({});
  });
  app.post("/v1/services/:id/resume", (c) => {
    const service = serviceOf(c.req.param("id"));
    if (service.status !== "PAUSED" && service.status !== "PAUSING")
      throw new KoyebError(400, "failed_precondition", `Service is ${service.status}`);
    cloud.resume(service, c.req.query("skip_build") === "true");
    return c.json({});
  });

  app.get("/v1/deployments", (c) => {
    const { app_id, service_id } = c.req.query();
    const statuses = c.req.queries("statuses");
    const found = late(cloud.deployments.values())
      .filter(
        (deployment) =>
          (!app_id || deployment.appId === app_id) && (!service_id || deployment.serviceId === service_id),
      )
      .filter((deployment) => among(deployment.status, statuses))
      .toReversed();
    const { page, rest, hasNext } = pageOf(found, c);
    return c.json({ deployments: page.map(deploymentListed), ...rest, has_next: hasNext });
  });
  app.get("/v1/deployments/:id", (c) =>
    c.json({ deployment: deploymentOnWire(cloud.deployments.get(c.req.param("id")) ?? raise(notFound("Deployment"))) }),
  );

  app.get("/v1/instances", (c) => {
    const { app_id, service_id, deployment_id, regional_deployment_id, order = "desc" } = c.req.query();
    const { starting_time: from = "", ending_time: to = "" } = c.req.query();
    const statuses = c.req.queries("statuses");
    const found = late(cloud.instances.list())
      .filter(
        ({ deployment }) =>
          (!app_id || deployment.appId === app_id) && (!service_id || deployment.serviceId === service_id),
      )
      .filter(({ deployment }) => !deployment_id || deployment.id === deployment_id)
      .filter(({ deployment }) => !regional_deployment_id || deployment.regionalId === regional_deployment_id)
      .filter((instance) => among(instance.status, statuses))
      .filter(({ createdAt }) => !(createdAt.getTime() < Date.parse(from)) && !(createdAt.getTime() > Date.parse(to)));
    const { page, rest } = pageOf(order === "asc" ? found : found.toReversed(), c);
    return c.json({ instances: page.map(instanceOnWire), ...rest, order });
  });
  app.get("/v1/instances/:id", (c) =>
    c.json({ instance: instanceOnWire(cloud.instances.get(c.req.param("id")) ?? raise(notFound("Instance"))) }),
  );
  app.get("/v1/organizations/:id", (c) => c.json({ organization: { ...ORGANIZATION, status: "ACTIVE" } }));
  return app;
}

function raise(error: Error): never {
  throw error;
}

/** The zone: its description, Worker routes, settings and rulesets. */
import type { Account } from "../account.ts";
import { ApiError, badRequest, forbidden, missingScript } from "../errors.ts";
import { hexId } from "../model.ts";
import { readRules } from "../rulesets.ts";
import type { Route, Zone } from "../zone.ts";
import type { VendorApp } from "../../vendor.ts";
import { jsonBody, list, ok, pages, param, type Ctx } from "./envelope.ts";

function descriptionOf(zone: Zone, accountId: string): object {
  return {
    id: zone.id,
    name: zone.name,
    status: "active",
    paused: false,
    type: "full",
    development_mode: 0,
    name_servers: ["a.ns.sandbox.test", "b.ns.sandbox.test"],
    original_name_servers: [],
    original_registrar: null,
    original_dnshost: null,
    created_on: "2026-01-01T00:00:00Z",
    modified_on: "2026-01-01T00:00:00Z",
    activated_on: "2026-01-01T00:00:00Z",
    account: { id: accountId, name: "mcpist sandbox" },
    owner: { id: null, type: "user", name: null },
    meta: {
      cdn_only: false,
      custom_certificate_quota: 0,
      dns_only: false,
      foundation_dns: false,
      page_rule_quota: 3,
      phishing_detected: false,
      step: 0,
    },
    permissions: ["#worker:edit", "#zone:read"],
    plan: {
      id: "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
      name: "Free Website",
      legacy_id: "free",
      price: 0,
      currency: "USD",
      frequency: "",
      is_subscribed: false,
      can_subscribe: false,
      legacy_discount: false,
      externally_managed: false,
    },
  };
}

export function zoneRoutes(app: VendorApp, root: string, account: Account): void {
  const { zone, names } = account;
  const view = descriptionOf(zone, names.accountId);
  app.get(`${root}/zones`, (c) => {
    const [name, owner] = [c.req.query("name") ?? zone.name, c.req.query("account.id") ?? names.accountId];
    return pages(c, name === zone.name && owner === names.accountId ? [view] : [], 50);
  });
  app.use(`${root}/zones/:zone`, async (c, next) => {
    if (c.req.param("zone") !== zone.id) throw forbidden();
    await next();
  });
  app.use(`${root}/zones/:zone/*`, async (c, next) => {
    if (c.req.param("zone") !== zone.id) throw forbidden();
    await next();
  });
  app.get(`${root}/zones/:zone`, (c) => ok(c, view));
  workerRoutes(app, `${root}/zones/:zone/workers/routes`, account);
  settingRoutes(app, `${root}/zones/:zone/settings`, zone);
  rulesetRoutes(app, `${root}/zones/:zone/rulesets`, zone);
}

function workerRoutes(app: VendorApp, all: string, { zone, scripts }: Account): void {
  const route = (c: Ctx): Route => {
    const found = zone.routes.get(param(c, "route"));
    if (!found) throw new ApiError(404, 10008, "workers.api.error.route_not_found");
    return found;
  };
  const write = async (c: Ctx, id: string): Promise<Route> => {
    const { pattern, script = "" } = await jsonBody(c);
    if (typeof pattern !== "string" || pattern === "" || typeof script !== "string")
      throw badRequest("a route has no pattern");
    if (script !== "" && !scripts.has(script)) throw missingScript();
    if ([...zone.routes.values()].some((known) => known.pattern === pattern && known.id !== id))
      throw new ApiError(409, 10020, "A route with the same pattern already exists.");
    const made = { id, pattern, script };
    zone.routes.set(id, made);
    return made;
  };
  app.get(all, (c) => list(c, [...zone.routes.values()]));
  app.post(all, async (c) => ok(c, await write(c, hexId())));
  app.get(`${all}/:route`, (c) => ok(c, route(c)));
  app.put(`${all}/:route`, async (c) => ok(c, await write(c, route(c).id)));
  app.delete(`${all}/:route`, (c) => {
    const { id } = route(c);
    zone.routes.delete(id);
    return ok(c, { id });
  });
}

function settingRoutes(app: VendorApp, all: string, zone: Zone): void {
  app.get(all, (c) => ok(c, zone.listSettings()));
  app.get(`${all}/:setting`, (c) => ok(c, zone.setting(param(c, "setting"))));
  app.patch(`${all}/:setting`, async (c) => {
    const body = await jsonBody(c);
    return ok(c, zone.set(param(c, "setting"), body["value"], new Date()));
  });
}

function rulesetRoutes(app: VendorApp, all: string, zone: Zone): void {
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  app.get(all, (c) => ok(c, zone.rulesets.list()));
  app.post(all, async (c) => {
    const body = await jsonBody(c);
    const { kind, phase } = body;
    if (typeof phase !== "string" || typeof kind !== "string") throw badRequest("a ruleset has no kind or no phase");
    const about = { name: text(body["name"]), description: text(body["description"]), kind, phase };
    return ok(c, zone.rulesets.create(about, readRules(body["rules"]), new Date()));
  });
  app.get(`${all}/phases/:phase/entrypoint`, (c) => ok(c, zone.rulesets.ofPhase(param(c, "phase"))));
  app.get(`${all}/:ruleset`, (c) => ok(c, zone.rulesets.get(param(c, "ruleset"))));
  app.put(`${all}/:ruleset`, async (c) => {
    return ok(c, zone.rulesets.update(param(c, "ruleset"), await jsonBody(c), new Date()));
  });
  app.delete(`${all}/:ruleset`, (c) => {
    zone.rulesets.remove(param(c, "ruleset"));
    return c.body(null, 204);
  });
}

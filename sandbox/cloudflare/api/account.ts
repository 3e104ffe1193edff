/** Who the token belongs to, and the zone: accounts, memberships, zones, routes, custom domains. */
import type { Account } from "../account.ts";
import { AUTHOR } from "../account.ts";
import { ApiError, badRequest, forbidden, missingScript } from "../errors.ts";
import { hexId } from "../model.ts";
import type { Route } from "../zone.ts";
import type { VendorApp } from "../../vendor.ts";
import { jsonBody, list, ok, param, type Ctx } from "./envelope.ts";

export function identityRoutes(app: VendorApp, root: string, account: Account): void {
  const { accountId } = account.names;
  const self = { id: accountId, name: "mcpist sandbox", type: "standard", settings: {}, created_on: "2026-01-01T00:00:00Z" };
  app.get(`${root}/user/tokens/verify`, (c) => ok(c, { id: "00000000000000000000000000000002", status: "active" }));
  app.get(`${root}/accounts/:account/tokens/verify`, (c) => ok(c, { id: "00000000000000000000000000000002", status: "active" }));
  app.get(`${root}/user`, (c) => ok(c, { id: "00000000000000000000000000000001", email: AUTHOR }));
  app.get(`${root}/accounts`, (c) => list(c, [self]));
  app.get(`${root}/accounts/:account`, (c) => ok(c, self));
  app.get(`${root}/memberships`, (c) => list(c, [{ id: "00000000000000000000000000000003", status: "accepted", account: self }]));
}

export function zoneRoutes(app: VendorApp, root: string, account: Account): void {
  const { zone, names } = account;
  const view = {
    id: zone.id,
    name: zone.name,
    status: "active",
    paused: false,
    type: "full",
    account: { id: names.accountId, name: "mcpist sandbox" },
  };
  const own = (c: Ctx): typeof zone => {
    if (param(c, "zone") !== zone.id) throw forbidden();
    return zone;
  };
  const route = (c: Ctx): Route => {
    const found = own(c).routes.get(param(c, "route"));
    if (!found) throw new ApiError(404, 10008, "workers.api.error.route_not_found");
    return found;
  };
  const write = async (c: Ctx, id: string): Promise<Route> => {
    const body = await jsonBody(c);
    const { pattern, script = "" } = body;
    if (typeof pattern !== "string" || pattern === "" || typeof script !== "string") throw badRequest("a route has no pattern");
    if (script !== "" && !account.scripts.has(script)) throw missingScript();
    if ([...own(c).routes.values()].some((known) => known.pattern === pattern && known.id !== id))
      throw new ApiError(409, 10020, "A route with the same pattern already exists.");
    const made = { id, pattern, script };
    own(c).routes.set(id, made);
    return made;
  };
  app.get(`${root}/zones`, (c) => {
    const name = c.req.query("name");
    return list(c, name === undefined || name === zone.name ? [view] : []);
  });
  app.get(`${root}/zones/:zone`, (c) => ok(c, own(c) && view));
  const all = `${root}/zones/:zone/workers/routes`;
  app.get(all, (c) => list(c, [...own(c).routes.values()]));
  app.post(all, async (c) => ok(c, await write(c, hexId())));
  app.get(`${all}/:route`, (c) => ok(c, route(c)));
  app.put(`${all}/:route`, async (c) => ok(c, await write(c, route(c).id)));
  app.delete(`${all}/:route`, (c) => {
    const { id } = route(c);
    own(c).routes.delete(id);
    return ok(c, { id });
  });
}

export function domainRoutes(app: VendorApp, base: string, account: Account): void {
  const { zone } = account;
  const domain = (c: Ctx) => {
    const found = zone.domains.get(param(c, "domain"));
    if (!found) throw new ApiError(404, 100114, "Domain not found.");
    return found;
  };
  const put = (hostname: unknown, service: string) => {
    if (typeof hostname !== "string" || !(hostname === zone.name || hostname.endsWith(`.${zone.name}`)))
      throw new ApiError(400, 100116, "No zone of this account fits the hostname.");
    if (!account.scripts.has(service)) throw missingScript();
    return zone.putDomain(hostname, service);
  };
  const all = `${base}/workers/domains`;
  app.get(all, (c) =>
    list(
      c,
      [...zone.domains.values()].filter(({ service }) => service === (c.req.query("service") ?? service)),
    ),
  );
  app.put(all, async (c) => {
    const body = await jsonBody(c);
    if (body["zone_id"] !== undefined && body["zone_id"] !== zone.id) throw forbidden();
    return ok(c, put(body["hostname"], String(body["service"])));
  });
  for (const path of [`${all}/:domain`, `${all}/records/:domain`]) {
    app.get(path, (c) => ok(c, domain(c)));
    app.delete(path, (c) => {
      zone.domains.delete(domain(c).id);
      return ok(c, null);
    });
  }
  const script = `${base}/workers/scripts/:script/domains`;
  app.post(`${script}/changeset`, async (c) => {
    account.script(param(c, "script"));
    const asked: unknown = await c.req.json();
    const names = Array.isArray(asked) ? asked.map((item: { readonly hostname?: unknown }) => item.hostname) : [];
    const known = [...zone.domains.values()];
    return ok(c, {
      added: names.filter((name) => !known.some(({ hostname }) => hostname === name)).map((hostname) => ({ hostname })),
      updated: known
        .filter(({ hostname }) => names.includes(hostname))
        .map((item) => ({ ...item, modified: item.service !== param(c, "script") })),
      removed: [],
      conflicting: [],
    });
  });
  app.put(`${script}/records`, async (c) => {
    const body = await jsonBody(c);
    const origins = Array.isArray(body["origins"]) ? body["origins"] : [];
    return ok(
      c,
      origins.map((item: { readonly hostname?: unknown }) => put(item.hostname, param(c, "script"))),
    );
  });
}

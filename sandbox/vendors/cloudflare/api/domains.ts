/** Custom domains of Workers. They are kept and listed; requests reach a Worker through its own listener. */
import type { Account } from "../account.ts";
import { ApiError, badRequest, forbidden, missingScript } from "../errors.ts";
import type { VendorApp } from "../../vendor.ts";
import { jsonBody, jsonList, list, ok, param, type Ctx } from "./envelope.ts";

/** What a list of domains may be narrowed by. */
const FILTERS = ["service", "hostname", "zone_id", "zone_name", "environment"] as const;

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
      [...zone.domains.values()].filter((domain) =>
        FILTERS.every((name) => domain[name] === (c.req.query(name) ?? domain[name])),
      ),
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
    const names = (await jsonList(c)).map((item) => item["hostname"]);
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
    const { origins } = await jsonBody(c);
    if (!Array.isArray(origins)) throw badRequest("origins is not a list");
    return ok(
      c,
      origins.map((item: { readonly hostname?: unknown }) => put(item.hostname, param(c, "script"))),
    );
  });
}

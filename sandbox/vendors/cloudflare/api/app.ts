/** The Workers API as one Hono app: who may call, then one file per area. Knows nothing of listeners and processes. */
import { Hono } from "hono";
import type { VendorApp } from "../../vendor.ts";
import type { Account } from "../account.ts";
import { domainRoutes } from "./domains.ts";
import { refuse, requireAccount, requireToken } from "./envelope.ts";
import { identityRoutes } from "./identity.ts";
import { kvRoutes } from "./kv.ts";
import { scriptRoutes } from "./scripts.ts";
import { versionApi } from "./versions.ts";
import { zoneRoutes } from "./zone.ts";

export const API_ROOT = "/client/v4";

/** @param token the one bearer token that is accepted. */
export function apiApp(account: Account, token: string): VendorApp {
  const app: VendorApp = new Hono();
  const base = `${API_ROOT}/accounts/:account`;
  app.onError((error, c) => refuse(c, error));
  app.use(`${API_ROOT}/*`, requireToken(token));
  app.use(base, requireAccount(account.names.accountId));
  app.use(`${base}/*`, requireAccount(account.names.accountId));
  identityRoutes(app, API_ROOT, account);
  zoneRoutes(app, API_ROOT, account);
  scriptRoutes(app, base, account);
  versionApi(app, base, account);
  kvRoutes(app, base, account);
  domainRoutes(app, base, account);
  return app;
}

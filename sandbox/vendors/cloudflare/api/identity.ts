/** Who the token belongs to: accounts, memberships, token verification. */
import { AUTHOR, type Account } from "../account.ts";
import type { VendorApp } from "../../vendor.ts";
import { ok, pages } from "./envelope.ts";

export function identityRoutes(app: VendorApp, root: string, account: Account): void {
  const { accountId } = account.names;
  const self = {
    id: accountId,
    name: "mcpist sandbox",
    type: "standard",
    settings: {},
    created_on: "2026-01-01T00:00:00Z",
  };
  app.get(`${root}/user/tokens/verify`, (c) => ok(c, { id: "00000000000000000000000000000002", status: "active" }));
  app.get(`${root}/accounts/:account/tokens/verify`, (c) =>
    ok(c, { id: "00000000000000000000000000000002", status: "active" }),
  );
  app.get(`${root}/user`, (c) => ok(c, { id: "00000000000000000000000000000001", email: AUTHOR }));
  app.get(`${root}/accounts`, (c) => pages(c, [self], 50));
  app.get(`${root}/accounts/:account`, (c) => ok(c, self));
  app.get(`${root}/memberships`, (c) =>
    pages(c, [{ id: "00000000000000000000000000000003", status: "accepted", account: self }], 50),
  );
}

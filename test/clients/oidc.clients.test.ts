/**
 * `auth.provider: "oidc"` from end to end: a real client finds an issuer that is not Supabase, signs in there from nothing, works, and
 * renews its token; the gateway in workerd, the origin and its database are the real ones.
 */
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pgliteDatabase, type TestDatabase } from "../../origin/test/database.ts";
import { newSecret, startOrigin, type TestOrigin } from "../../origin/test/origin.ts";
import { configOf } from "../../worker/test/config.ts";
import { startGateway, type TestGateway } from "../../worker/test/gateway.ts";
import { userIdOf } from "../../worker/policy/token.ts";
import { SCOPE, startCertifiedIssuer, type CertifiedIssuer } from "./certified-issuer.ts";
import { freePort } from "./drivers/steps.ts";
import { runClient } from "./run.ts";
import { CLIENTS, folderOf, isInstalled, OIDC_PROVIDER, type ClientVersion } from "./versions.ts";

const SECONDS_LEFT = 3;
const [PERSON, HASTY, STRANGER] = ["auth0|0123456789abcdef", "github|42", "nobody"] as const;
const found = CLIENTS.findLast(({ family }) => family === "TypeScript SDK");
const client: ClientVersion = { ...found!, without: ["parallel", "slow", "cancel", "windows"] };
const ABSENT = !isInstalled(client) || !isInstalled(OIDC_PROVIDER);

if (process.env["CI"] === "true" && ABSENT) {
  it("has the client and the issuer", () => {
    expect(ABSENT, "node test/clients/install.ts sample").toBe(false);
  });
}

describe.skipIf(ABSENT)("an issuer that is not Supabase (skipped where oidc-provider is not installed)", () => {
  let database: TestDatabase;
  let origin: TestOrigin;
  let gateway: TestGateway;
  let issuer: CertifiedIssuer;
  beforeAll(async () => {
    const [ports, opened] = await Promise.all([Promise.all([freePort(), freePort()]), pgliteDatabase()]);
    database = opened;
    const [port, issuerPort] = ports;
    const resource = `http://127.0.0.1:${port}/mcp`;
    const module = join(folderOf(OIDC_PROVIDER), "node_modules/oidc-provider/lib/index.js");
    issuer = await startCertifiedIssuer({
      module,
      port: issuerPort,
      resource,
      hasty: HASTY,
      secondsLeft: SECONDS_LEFT,
    });
    const secret = newSecret();
    origin = await startOrigin(database, { secrets: { GATEWAY_SECRET_A: secret } });
    const config = configOf([{ name: "koyeb", url: origin.url }], issuer.jwksUrl, { resource, issuer: issuer.issuer });
    const auth = { ...config.auth, provider: "oidc", requiredScopes: [SCOPE] } as const;
    gateway = await startGateway({ port, secret, config: { ...config, auth } });
    for (const subject of [PERSON, HASTY]) {
      const userId = await userIdOf(issuer.issuer, subject);
      await database.admin.query("insert into mcpist.users (user_id, plan_id) values ($1::uuid, 'unlimited')", [
        userId,
      ]);
      await database.admin.query("select mcpist.grant_tool($1::uuid, 'time', 'now', 'test')", [userId]);
    }
  });
  afterAll(async () => {
    await gateway.close();
    await Promise.all([origin.stop(), issuer.close()]);
    await database.close();
  });

  const run = (person: string, era: "legacy" | "auto") =>
    runClient(client, {
      url: `${gateway.url}/mcp`,
      era,
      presentation: "meta",
      id: "oidc",
      slowGithub: "",
      person,
      hastyPerson: HASTY,
      secondsLeft: SECONDS_LEFT,
      token: "",
    });

  it.each(client.eras)("is found, and lets a client sign in, work and renew its token (%s)", async (era) => {
    expect(await run(PERSON, era)).toEqual([
      { step: "signIn", ok: true, detail: "" },
      { step: "list", ok: true, detail: "get_module_schema call" },
      { step: "refresh", ok: true, detail: "" },
    ]);
  });

  it("signs in a person whom nobody let in; the origin refuses, and says by which id they can be", async () => {
    const [signIn] = await run(STRANGER, "legacy");
    expect(signIn).toMatchObject({ ok: false, detail: expect.stringContaining("This account is not active.") });
    expect(origin.events("user_inactive")).toContainEqual(
      expect.objectContaining({ userId: await userIdOf(issuer.issuer, STRANGER) }),
    );
  });
});

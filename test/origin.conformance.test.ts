/**
 * The official conformance suite against this product: the gateway in workerd, the origin with its database, a user with grants. What
 * the product does not offer is listed with its reason (conformance/not-offered.ts); everything else must pass.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pgliteDatabase, type TestDatabase } from "../origin/test/database.ts";
import { newSecret, newUser, startOrigin, type TestOrigin } from "../origin/test/origin.ts";
import { configOf } from "../worker/test/config.ts";
import { startShim, type Shim } from "../worker/test/conformance/shim.ts";
import { conformanceVerdicts } from "../worker/test/conformance/suite.ts";
import { startGateway, startIssuer, type TestGateway, type TestIssuer } from "../worker/test/gateway.ts";
import { claimsAt, signToken } from "../worker/test/tokens.ts";
import { NOT_OFFERED } from "./conformance/not-offered.ts";

const PASSING: ReadonlySet<string> = new Set(["SUCCESS", "INFO", "SKIPPED"]);

let database: TestDatabase;
let origin: TestOrigin;
let issuer: TestIssuer;
let gateway: TestGateway;
let shim: Shim;

beforeAll(async () => {
  const secret = newSecret();
  [database, issuer] = await Promise.all([pgliteDatabase(), startIssuer()]);
  origin = await startOrigin(database, { name: "koyeb", secrets: { GATEWAY_SECRET_A: secret } });
  const sub = await newUser(database, {
    grants: [
      ["lab", "read"],
      ["time", "now"],
    ],
  });
  shim = await startShim(
    () => gateway.url,
    () => signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub })),
  );
  gateway = await startGateway({
    secret,
    config: configOf([{ name: "koyeb", url: origin.url }], issuer.url, {
      // One user makes all requests of the suite, and the page that it plays is on the shim's host.
      limits: { perIpPerMinute: 100_000, failedAuthPerMinute: 1000, burstPerSecond: 1000 },
      allowedOrigins: [shim.url, shim.url.replace("127.0.0.1", "localhost")],
    }),
  });
}, 120_000);
afterAll(async () => {
  await shim?.close();
  await gateway?.close();
  await origin?.stop();
  await Promise.all([issuer?.origin.close(), database?.close()]);
});

describe("official conformance suite against the product", () => {
  it.each([
    ["2026-07-28", 100],
    ["2025-11-25", 30],
  ])("%s: everything passes but what is not offered", { timeout: 300_000 }, async (revision, least) => {
    const found = await conformanceVerdicts(shim.url, revision);
    const failed = [...found]
      .filter(([, statuses]) => statuses.some((status) => !PASSING.has(status)))
      .map(([check]) => check);
    expect(failed.toSorted()).toEqual(
      Object.values(NOT_OFFERED[revision] ?? {})
        .flat()
        .toSorted(),
    );
    // A suite that found nothing to ask has proved nothing.
    expect([...found.values()].flat().filter((status) => status === "SUCCESS").length).toBeGreaterThanOrEqual(least);
    expect(origin.events("internal_error")).toEqual([]);
  });
});

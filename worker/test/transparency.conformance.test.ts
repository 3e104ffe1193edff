/**
 * The official conformance suite, asked twice: directly and through the gateway. The gateway is transparent when every check has
 * the same verdict both times; what the fixture itself does not implement fails both times and proves nothing either way.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFixture, type Fixture } from "./conformance/fixture.ts";
import { startShim, type Shim } from "./conformance/shim.ts";
import { conformanceVerdicts, type Verdicts } from "./conformance/suite.ts";
import { configOf } from "./config.ts";
import { startGateway, startIssuer, type TestGateway, type TestIssuer } from "./gateway.ts";
import { claimsAt, signToken } from "./tokens.ts";

let fixture: Fixture;
let issuer: TestIssuer;
let gateway: TestGateway;
let shim: Shim;

beforeAll(async () => {
  [fixture, issuer] = await Promise.all([startFixture(), startIssuer()]);
  shim = await startShim(
    () => gateway.url,
    () => signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000))),
  );
  gateway = await startGateway({
    config: configOf([{ name: "koyeb", url: fixture.url }], issuer.url, {
      // One user makes all requests of the suite.
      limits: { perIpPerMinute: 100_000, failedAuthPerMinute: 1000, burstPerSecond: 1000 },
      // The page that the suite plays is on the host that it knows, which is the shim.
      allowedOrigins: [shim.url, shim.url.replace("127.0.0.1", "localhost")],
    }),
  });
});
afterAll(async () => {
  await shim.close();
  await gateway.close();
  await Promise.all([fixture.close(), issuer.origin.close()]);
});

const successes = (verdicts: Verdicts): number =>
  [...verdicts.values()].flat().filter((status) => status === "SUCCESS").length;

describe("official conformance suite", () => {
  it.each([
    ["2026-07-28", 140],
    ["2025-11-25", 50],
  ])("gives every check of %s the same verdict through the gateway", { timeout: 600_000 }, async (revision, least) => {
    const direct = await conformanceVerdicts(fixture.url, revision);
    const through = await conformanceVerdicts(shim.url, revision);
    expect(Object.fromEntries(through)).toEqual(Object.fromEntries(direct));
    // Equal verdicts say nothing when there are none.
    expect(successes(direct)).toBeGreaterThanOrEqual(least);
    expect(fixture.server.listening).toBe(true);
  });
});

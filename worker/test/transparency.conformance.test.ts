/**
 * The official conformance suite, asked twice: directly and through the gateway. The gateway is transparent when every check has
 * the same verdict both times; what the fixture itself does not implement fails both times and proves nothing either way.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFixture, type Fixture } from "./conformance/fixture.ts";
import { startShim, type Shim } from "./conformance/shim.ts";
import { configOf } from "./config.ts";
import { startGateway, startIssuer, type TestGateway, type TestIssuer } from "./gateway.ts";
import { claimsAt, signToken } from "./tokens.ts";

const SUITE = join(import.meta.dirname, "../../node_modules/@modelcontextprotocol/conformance/dist/index.js");
/** Verdicts per `scenario/check`, in the order in which they came. */
type Verdicts = ReadonlyMap<string, readonly string[]>;

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

async function run(url: string, revision: string): Promise<Verdicts> {
  const folder = await mkdtemp(join(tmpdir(), "mcpist-conformance-"));
  try {
    // The suite ends with 1 when a check fails; its verdicts are in the files.
    await promisify(execFile)(process.execPath, [SUITE, "server", "--url", `${url}/mcp`, "--requirements", revision, "-o", folder], {
      timeout: 240_000,
      maxBuffer: 64 * 1024 * 1024,
    }).catch((error: { readonly killed?: boolean }) => {
      if (error.killed === true) throw error;
    });
    const verdicts = new Map<string, string[]>();
    for (const name of await readdir(folder)) {
      const scenario = name.replace(/^server-/, "").replace(/-\d{4}-\d\d-\d\dT.*$/, "");
      const checks = JSON.parse(await readFile(join(folder, name, "checks.json"), "utf8")) as {
        readonly id: string;
        readonly status: string;
      }[];
      for (const { id, status } of checks) verdicts.set(`${scenario}/${id}`, [...(verdicts.get(`${scenario}/${id}`) ?? []), status]);
    }
    return verdicts;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
const successes = (verdicts: Verdicts): number => [...verdicts.values()].flat().filter((status) => status === "SUCCESS").length;

describe("official conformance suite", () => {
  it.each([
    ["2026-07-28", 140],
    ["2025-11-25", 50],
  ])("gives every check of %s the same verdict through the gateway", { timeout: 600_000 }, async (revision, least) => {
    const direct = await run(fixture.url, revision);
    const through = await run(shim.url, revision);
    expect(Object.fromEntries(through)).toEqual(Object.fromEntries(direct));
    // Equal verdicts say nothing when there are none.
    expect(successes(direct)).toBeGreaterThanOrEqual(least);
    expect(fixture.server.listening).toBe(true);
  });
});

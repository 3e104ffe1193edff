import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../contract/config.ts";
import { markVariable, NO_MARK } from "../../contract/marks.ts";
import { koyebSecretName, SECRETS, type SecretSpec } from "../../contract/secret-names.ts";
import { caller, fastContext, TOKENS, until, type Json } from "../../sandbox/test/harness.ts";
import { startFly, type Fly } from "../../sandbox/vendors/fly/fly.ts";
import { startKoyeb, type Koyeb } from "../../sandbox/vendors/koyeb/koyeb.ts";
import type { VendorContext } from "../../sandbox/vendors/vendor.ts";
import { flyApi } from "../targets/fly-api.ts";
import { flyOrigin } from "../targets/fly.ts";
import { koyebApi } from "../targets/koyeb-api.ts";
import { koyebOrigin } from "../targets/koyeb.ts";
import type { Targets } from "../targets/types.ts";
import { testEnvironment } from "../test/environment.ts";
import { MemoryGit } from "../test/memory-git.ts";
import { deployKoyebService, slotVariables, type Variable } from "../test/koyeb-service.ts";
import { secretOf, ZERO } from "../test/origin-targets.ts";
import { testContext } from "../test/test-context.ts";
import { Journal } from "./journal.ts";
import { secretsReport } from "./marks.ts";
import { putSecret } from "./put.ts";
import { Run } from "./run.ts";

const APP = "mcpist-origin";
const NAME = "REQUEST_STATE_KEY";
const spec = SECRETS.find(({ name }) => name === NAME) as SecretSpec;
const ONE = secretOf("one");

let vendor: VendorContext;
let koyeb: Koyeb;
let fly: Fly;
const onKoyeb = caller(() => koyeb.url, TOKENS.koyeb);
const onFly = caller(() => `${fly.url}/v1`, TOKENS.fly);

/** One service on Koyeb and two Machines, as a deploy leaves them: slots, the secret, a mark that says nothing yet. */
async function deploy(): Promise<void> {
  const values: readonly Variable[] = [
    ...slotVariables(ONE, ZERO),
    [NAME, koyebSecretName("production", NAME), secretOf("before")],
    [markVariable(NAME), koyebSecretName("production", markVariable(NAME)), NO_MARK],
  ];
  const service = `/v1/services/${await deployKoyebService(onKoyeb, values)}`;
  await onFly("POST", "/apps", { app_name: APP, org_slug: "personal" });
  await onFly("POST", `/apps/${APP}/ip_assignments`, { type: "shared_v4" });
  const secrets = Object.fromEntries(values.map(([key, , value]) => [key, value]));
  await onFly("POST", `/apps/${APP}/secrets`, { values: secrets });
  const config = { image: "sandbox.local/origin", services: [{ protocol: "tcp", internal_port: 8080 }] };
  for (const region of ["nrt", "fra"]) await onFly("POST", `/apps/${APP}/machines`, { region, config });
  await until(async () => (await onKoyeb("GET", service)).json["service"]["status"] === "HEALTHY");
  await until(async () => {
    const machines = (await onFly("GET", `/apps/${APP}/machines`)).json as Json[];
    return machines.every((machine) => machine["state"] === "started");
  });
}

let git: MemoryGit;
/** A command of its own: it knows only what the journal and the platforms tell. */
async function command() {
  // Marks of two commands differ.
  const context = { ...testContext({ fetch, realTime: true }), randomBytes };
  const environment = testEnvironment({
    origins: [
      {
        name: "koyeb",
        kind: "koyeb",
        url: await koyeb.edgeUrl("mcpist", "origin"),
        app: "mcpist",
        service: "origin",
      },
      { name: "fly", kind: "fly", url: await fly.edgeUrl(APP), app: APP, machines: 2 },
    ] satisfies EnvironmentInput["origins"],
  });
  const origins = environment.origins.map((origin) =>
    origin.kind === "koyeb"
      ? koyebOrigin(
          context,
          koyebApi(context, { baseUrl: koyeb.url, token: TOKENS.koyeb }),
          "production",
          environment,
          origin,
        )
      : flyOrigin(context, flyApi(context, { baseUrl: fly.url, token: TOKENS.fly }), origin),
  );
  const identity = { run: context.randomBytes(4).toString("hex"), actor: "ada", workflow: "local", tool: "test" };
  const journal = new Journal(git.store(), context, identity);
  await journal.acquire();
  const report = { begin: () => () => undefined, note: () => undefined };
  const targets = { origins } as unknown as Targets;
  const run = new Run({ context, targets, journal, store: git.store(), drain: environment.drain, report });
  const look = async () =>
    secretsReport(
      await Promise.all(origins.map(async (origin) => ({ name: origin.name, look: await origin.look() }))),
      [spec],
      journal.state.puts ?? {},
    );
  return { run, journal, look };
}
async function put(value: string) {
  const { run, journal } = await command();
  try {
    return await putSecret(run, spec, value, true);
  } finally {
    await journal.release({});
  }
}
async function verify() {
  const { look, journal } = await command();
  const seen = await look();
  await journal.release({});
  return { off: seen.drift.map(({ party, what }) => `${party}: ${what}`), unknown: seen.unknown };
}

beforeEach(async () => {
  git = new MemoryGit();
  vendor = fastContext({ light: true });
  koyeb = await startKoyeb(vendor);
  fly = await startFly(vendor);
  await deploy();
});
afterEach(() => Promise.all([koyeb.close(), fly.close()]));

describe("a secret that is put", () => {
  it("is not known, and not off, before its first put", async () => {
    expect(await verify()).toEqual({
      off: [],
      unknown: ["REQUEST_STATE_KEY was never put by this version: unknown until the next put"],
    });
  });

  it("is proven at every instance, and stays so", async () => {
    expect(await put(secretOf("two"))).toEqual([
      { target: "koyeb", standing: { kind: "proven", instances: 1 } },
      { target: "fly", standing: { kind: "proven", instances: 2 } },
    ]);
    expect(await verify()).toEqual({ off: [], unknown: [] });
  });

  it("reaches Machines on hosts that do not see new secrets by themselves", async () => {
    fly.staleHosts(APP, true);
    expect(await put(secretOf("three"))).toMatchObject([
      { standing: { kind: "proven" } },
      { standing: { kind: "proven" } },
    ]);
    expect(await verify()).toEqual({ off: [], unknown: [] });
  });

  it("is off after a crash between its writes and its rollout, until the next put", async () => {
    await put(secretOf("three"));
    const { run, journal } = await command();
    const [, second] = run.origins;
    if (second) second.roll = () => Promise.reject(new TypeError("killed"));
    await expect(putSecret(run, spec, secretOf("four"), true)).rejects.toThrow("killed");
    await journal.release({});
    expect((await verify()).off).toEqual([
      expect.stringMatching(/^fly: instance \w+ runs with another REQUEST_STATE_KEY$/),
    ]);
    await put(secretOf("four"));
    expect((await verify()).off).toEqual([]);
  });

  it("is off after a crash in its writes", async () => {
    const { run, journal } = await command();
    const [first] = run.origins;
    if (first) first.put = () => Promise.reject(new TypeError("killed"));
    await expect(putSecret(run, spec, secretOf("five"), true)).rejects.toThrow("killed");
    await journal.release({});
    expect((await verify()).off).toEqual([
      "koyeb: the last put of REQUEST_STATE_KEY did not end",
      "fly: the last put of REQUEST_STATE_KEY did not end",
    ]);
    await put(secretOf("five"));
  });

  it("shows an edit by hand at either platform, before anything boots with it", async () => {
    await put(secretOf("two"));
    await onFly("POST", `/apps/${APP}/secrets`, { values: { [NAME]: secretOf("by hand") } });
    const { secrets } = (await onKoyeb("GET", "/v1/secrets?limit=100")).json as { secrets: Json[] };
    const held = secrets.find(({ name }) => name === koyebSecretName("production", NAME));
    await onKoyeb("PATCH", `/v1/secrets/${held?.["id"]}`, {
      name: held?.["name"],
      type: "SIMPLE",
      value: secretOf("hand"),
    });
    expect((await verify()).off).toEqual([
      "koyeb: REQUEST_STATE_KEY was written by somebody else after the last put",
      "fly: REQUEST_STATE_KEY was written by somebody else after the last put",
    ]);
  });

  it("is missing where somebody took it away", async () => {
    await onFly("POST", `/apps/${APP}/secrets`, { values: { [NAME]: null } });
    expect((await verify()).off).toContain("fly: it has no REQUEST_STATE_KEY, and needs it to start");
  });

  it("is named with the origin that could not be rolled out, and the others are not touched by a value that may be wrong", async () => {
    const { run, journal } = await command();
    const [first] = run.origins;
    const before = (await onFly("GET", `/apps/${APP}/machines`)).json as Json[];
    const { McpistError } = await import("../errors.ts");
    if (first)
      first.roll = () => Promise.reject(new McpistError("ERR_VENDOR", "Koyeb's deployment d ended ERROR: exit 1"));
    await expect(putSecret(run, spec, secretOf("six"), true)).rejects.toMatchObject({
      message:
        "REQUEST_STATE_KEY is written, and not rolled out at koyeb, fly: Koyeb's deployment d ended ERROR: exit 1",
    });
    await journal.release({});
    const after = (await onFly("GET", `/apps/${APP}/machines`)).json as Json[];
    expect(after.map((machine) => machine["instance_id"])).toEqual(before.map((machine) => machine["instance_id"]));
  });
});

import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig, type Environment } from "../contract/config.ts";
import { SANDBOX_NAMES, SANDBOX_VARIABLE, sandboxEnvironment } from "../contract/sandbox.ts";
import { koyebSlotSecret, WORKER_BINDING } from "../contract/secret-names.ts";
import { ZERO_TOMBSTONE } from "../contract/gateway-secret.ts";
import { quietPorts } from "../origin/test/ports.ts";
import { LISTENERS } from "./vendors/context.ts";
import { provisionBase, provisionService } from "./provision.ts";
import { OBSERVATION_PATH } from "../contract/headers.ts";
import { SCENARIOS } from "./scenarios.ts";
import { SandboxStartError, startSandbox, type Sandbox } from "./start.ts";
import { startTimeline } from "./watch/timeline.ts";
import { startTraffic } from "./load/traffic.ts";

let sandbox: Sandbox;
let env: Environment;
const lines: string[] = [];

/** What `mcpist secrets rotate --init` does between base and service, by the shortest way. */
async function initSlots(): Promise<void> {
  const secret = randomBytes(32).toString("hex");
  const send = async (url: string, token: string, method: string, body: unknown) => {
    const response = await fetch(url, {
      method,
      headers: { authorization: token, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(response.ok, url).toBe(true);
  };
  const { koyeb, fly, cloudflare } = sandbox.context.tokens;
  const koyebSecret = (slot: "a" | "b", value: string) =>
    send(`${sandbox.urls.koyeb}/v1/secrets`, `Bearer ${koyeb}`, "POST", {
      name: koyebSlotSecret("sandbox", slot),
      type: "SIMPLE",
      value,
    });
  await koyebSecret("a", secret);
  await koyebSecret("b", ZERO_TOMBSTONE);
  await send(`${sandbox.urls.fly}/v1/apps/${SANDBOX_NAMES.flyApp}/secrets`, `Bearer ${fly}`, "POST", {
    values: { GATEWAY_SECRET_A: secret, GATEWAY_SECRET_B: ZERO_TOMBSTONE },
  });
  const script = `${sandbox.urls.cloudflare}/accounts/${SANDBOX_NAMES.accountId}/workers/scripts/${SANDBOX_NAMES.worker}`;
  await send(`${script}/secrets`, `Bearer ${cloudflare}`, "PUT", {
    name: WORKER_BINDING,
    text: secret,
    type: "secret_text",
  });
}

beforeAll(async () => {
  sandbox = await startSandbox({
    log: (line) => lines.push(line),
    timings: { koyebStepMs: 20, edgeLagMs: 50, flyBootMs: 50 },
  });
  const config = parseConfig({ environments: { sandbox: sandboxEnvironment(sandbox.urls) } });
  if (!config.ok) throw new Error("the built-in environment does not parse");
  env = config.value.environments["sandbox"]!;
  await provisionBase(sandbox, env);
  await initSlots();
  await provisionService(sandbox, env).catch((cause: unknown) => {
    throw new Error(lines.join("\n"), { cause });
  });
});
afterAll(() => sandbox?.close());

test("a provisioned sandbox answers real MCP requests of many users without one failure", async () => {
  const traffic = await startTraffic({
    gatewayUrl: sandbox.urls.gateway,
    mint: sandbox.idp.mint,
    users: 24,
    ratePerSecond: 60,
  });
  const timeline = startTimeline(sandbox, { traffic, environment: env });
  const vendorCalls = () => sandbox.faults.calls.filter(({ vendor }) => vendor !== "idp").length;
  const before = vendorCalls();
  await expect.poll(() => traffic.stats().sent).toBeGreaterThan(60);
  const report = await traffic.stop();
  // What this machine was too slow for is no failure of the sandbox.
  expect(report.failures.filter(({ slow }) => !slow)).toEqual([]);
  expect(report.failed - report.slow).toBe(0);

  const { lanes, samples } = await timeline.stop();
  const last = (group: string) => lanes.filter((lane) => lane.group === group).map(({ spans }) => spans.at(-1)?.state);
  const kid = last("Cloudflare")[0]?.sends;
  expect(kid).toMatch(/^[0-9a-f]{16}$/);
  expect(last("Cloudflare").map((state) => state?.sends)).toEqual([kid, kid, kid, kid]);
  const slots = { a: kid, b: ZERO_TOMBSTONE };
  expect(last("Koyeb")).toMatchObject([{ activity: "serving", slots }]);
  expect(last("Fly.io")).toMatchObject([
    { activity: "serving", slots },
    { activity: "serving", slots },
  ]);
  expect(samples.reduce((sum, { sent }) => sum + sent, 0)).toBeGreaterThan(0);
  // Watching asks no vendor anything.
  expect(vendorCalls()).toBe(before);
});

test("every scenario starts and ends, and afterwards both origins answer through the gateway", async () => {
  const { faults, scenarios, urls } = sandbox;
  const timings = sandbox.context.timings;
  for (const { name } of SCENARIOS) {
    await scenarios.start(name);
    expect(scenarios.active()).toEqual([name]);
    await scenarios.stop(name);
  }
  expect(scenarios.active()).toEqual([]);
  expect(faults.list()).toEqual([]);
  expect(sandbox.context.timings).toEqual(timings);
  for (const origin of ["koyeb", "fly"])
    await expect
      .poll(async () => (await fetch(`${urls.gateway}${OBSERVATION_PATH}?origin=${origin}`)).json(), { interval: 200 })
      .toMatchObject({ via: { origin, status: 200, observation: { accepted: true } } });
});

test.each(["stopped", "suspended"])("%s ends although every Machine was updated meanwhile", async (name) => {
  const { scenarios, fly, context, urls } = sandbox;
  const path = `${urls.fly}/v1/apps/${SANDBOX_NAMES.flyApp}/machines`;
  const headers = { authorization: `Bearer ${context.tokens.fly}` };
  await scenarios.start(name);
  for (const { id } of fly.instances()) {
    const machine = (await (await fetch(`${path}/${id}`, { headers })).json()) as { config: object };
    const config = { ...machine.config, metadata: { changed: name } };
    expect((await fetch(`${path}/${id}`, { method: "POST", headers, body: JSON.stringify({ config }) })).status).toBe(
      200,
    );
  }
  await scenarios.stop(name);
  await expect.poll(() => fly.instances().map(({ activity }) => activity)).toEqual(["serving", "serving"]);
});

test("nothing that the sandbox's own provisioning calls is missing from the emulators", () => {
  expect(sandbox.faults.calls.filter((call) => !call.known)).toEqual([]);
});

test("the environment to join names every vendor and carries no slot value", () => {
  expect(JSON.parse(sandbox.env[SANDBOX_VARIABLE] ?? "")).toEqual(sandbox.urls);
  expect(sandbox.env).toMatchObject({
    GITHUB_API_URL: sandbox.urls.github,
    KOYEB_URL: sandbox.urls.koyeb,
    FLY_FLAPS_BASE_URL: sandbox.urls.fly,
  });
});

test("an occupied port is one clear error that names the listener, and everything else is closed again", async () => {
  const portBase = await quietPorts(LISTENERS.length);
  const port = portBase + LISTENERS.indexOf("idp");
  const blocker = createServer().listen(port, "127.0.0.1");
  await once(blocker, "listening");
  const failure = await startSandbox({
    log: () => undefined,
    portBase,
    databaseUrl: "postgres://127.0.0.1:9/none",
  }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(SandboxStartError);
  expect((failure as Error).message).toBe(`port ${port} for the sandbox's idp listener is taken`);
  await expect(fetch(`http://127.0.0.1:${portBase + LISTENERS.indexOf("github")}/`)).rejects.toThrow();
  blocker.close();
});

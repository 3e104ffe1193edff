/**
 * All four platforms on their real wire, and a gateway that only answers what a rotation asks: the whole command runs against them in this
 * process, in a second. Instances are light ones, and Cloudflare's API has no listener. Its Worker versions do not run: what they would
 * answer is computed from what they are bound to. wrangler is replaced by the call that it makes. Time passes fast.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { kidOf, parseSecret } from "../../contract/gateway-secret.ts";
import { GATEWAY_SECRET_HEADER, OBSERVATION_PATH, VERSION_OVERRIDE_HEADER } from "../../contract/headers.ts";
import { gatewayConfigOf } from "../../contract/process-config.ts";
import { NO_MARK } from "../../contract/marks.ts";
import { koyebSecretName } from "../../contract/secret-names.ts";
import type { Environment, EnvironmentInput } from "../../contract/config.ts";
import type { Script, Version } from "../../sandbox/vendors/cloudflare/model.ts";
import { NAMES, TOKEN } from "../../sandbox/vendors/cloudflare/test/emulator.ts";
import { startFly, type Fly } from "../../sandbox/vendors/fly/fly.ts";
import { startGithub, type Github } from "../../sandbox/vendors/github/github.ts";
import { startKoyeb, type Koyeb } from "../../sandbox/vendors/koyeb/koyeb.ts";
import { caller, fastContext, TOKENS, until, type Call } from "../../sandbox/test/harness.ts";
import type { VendorContext } from "../../sandbox/vendors/vendor.ts";
import type { Context } from "../context.ts";
import { run } from "../program.ts";
import { calm } from "../signals.ts";
import { cloudflareApi, cloudflareWorker } from "../targets/cloudflare.ts";
import { flyApi } from "../targets/fly-api.ts";
import { flyOrigin } from "../targets/fly.ts";
import { githubApi, githubStore, githubVault } from "../targets/github.ts";
import { koyebApi } from "../targets/koyeb-api.ts";
import { koyebOrigin } from "../targets/koyeb.ts";
import type { WorkerTarget } from "../targets/types.ts";
import { cloudflareAccount, type CloudflareApi } from "./cloudflare-api.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "./environment.ts";
import { deployKoyebService, slotVariables } from "./koyeb-service.ts";
import { secretOf, ZERO } from "./origin-targets.ts";
import { testContext, urlOf } from "./test-context.ts";

/** The secret with which everything begins, in slot A. */
export const FIRST = secretOf("first");
const WORKER = "gw";
/** Of Fly.io. */
export const APP = "mcpist-origin";
/** None of them is alone, so that Fly.io serves while it is rolled out. */
const MACHINES = 2;
/** Nobody listens there. */
const GATEWAY = "http://127.0.0.1:2";
/** So much faster is the time of a command than that of the platforms. */
const SPEED = 10;

/** Who is called. */
export type Party = "github" | "cloudflare" | "koyeb" | "fly" | "gateway" | "origin";

/** One call of a command. */
export interface WireCall {
  readonly party: Party;
  readonly method: string;
  /** Path with query, without the API's base. */
  readonly path: string;
  /** Counted from 1 over all calls of the command. */
  readonly n: number;
  /** The same over its calls that change something. */
  readonly writes: number;
}
/** What becomes of a call; `pass` lets it go on. */
export type Wire = (call: WireCall, pass: () => Promise<Response>) => Promise<Response>;

/** What a command may be given. */
export interface Command {
  readonly wire?: Wire;
  /** Ends its process: no wait lasts any longer, and no read. */
  readonly signal?: AbortSignal;
}
/** How it ended. */
export interface Ran {
  readonly code: number;
  readonly text: string;
  readonly calls: readonly WireCall[];
}

/** A running installation. */
export interface WireWorld {
  readonly github: Github;
  readonly cloudflare: CloudflareApi;
  readonly koyeb: Koyeb;
  readonly fly: Fly;
  readonly vendor: VendorContext;
  readonly environment: Environment;
  readonly at: { readonly koyeb: Call; readonly fly: Call; readonly github: Call };
  /** Id of Koyeb's service. */
  readonly service: string;
  /** The Worker. */
  script(): Script;
  /** The secrets that the deployed versions send. */
  sent(): readonly string[];
  /** Who refuses what the gateway sends, or does not answer at this moment. */
  refused(): Promise<readonly string[]>;
  /** Runs one command as a process of its own would; the lock of one that was killed is free at once. */
  mcpist(line: string, command?: Command): Promise<Ran>;
  close(): Promise<void>;
}

/** The gateway secret of a version; "" without one. */
export const textOf = (script: Script, versionId: string): string => {
  const version = script.versions.find(({ id }) => id === versionId);
  const text = version?.bindings.find(({ name }) => name === "GATEWAY_SECRET")?.["text"];
  return typeof text === "string" ? text : "";
};
const isWrite = (method: string): boolean => method !== "GET";

/** Starts everything, steady on {@link FIRST}, with a journal. */
export async function startWireWorld(): Promise<WireWorld> {
  const vendor = fastContext({ light: true });
  vendor.timings = { ...vendor.timings, koyebDrainMs: 30 };
  const [github, koyeb, fly] = await Promise.all([
    startGithub(vendor, { owner: "acme", repo: "mcp" }),
    startKoyeb(vendor),
    startFly(vendor),
  ]);
  const cloudflare = cloudflareAccount();
  const at = {
    koyeb: caller(() => koyeb.url, TOKENS.koyeb),
    fly: caller(() => `${fly.url}/v1`, TOKENS.fly),
    github: caller(() => github.url, TOKENS.github),
  };
  const [koyebUrl, flyUrl] = await Promise.all([koyeb.edgeUrl("mcpist", "origin"), fly.edgeUrl(APP)]);
  const [koyebInput, flyInput] = ENVIRONMENT_INPUT.origins;
  const file: EnvironmentInput = {
    ...ENVIRONMENT_INPUT,
    cloudflare: { ...ENVIRONMENT_INPUT.cloudflare, accountId: NAMES.accountId, worker: WORKER, url: GATEWAY },
    drain: { minAge: "1s", quiet: "2s", max: "60s" },
    database: "embedded",
    origins: [
      { ...koyebInput!, url: koyebUrl },
      { ...flyInput!, url: flyUrl },
    ],
  };
  const environment = testEnvironment(file);

  await at.github("PUT", "/repos/acme/mcp/environments/production", {}, { "user-agent": "test" });
  const kv = await cloudflare.namespace("kv");
  await cloudflare.put(WORKER, {
    bindings: [
      { type: "plain_text", name: "MCPIST_CONFIG", text: JSON.stringify(gatewayConfigOf("production", environment)) },
      { type: "version_metadata", name: "CF_VERSION_METADATA" },
      { type: "kv_namespace", name: "KV", namespace_id: kv },
      { type: "secret_text", name: "GATEWAY_SECRET", text: FIRST },
    ],
  });
  const others = { REQUEST_STATE_KEY: secretOf("state"), REQUEST_STATE_KEY_MARK: NO_MARK };
  const service = await deployKoyebService(at.koyeb, [
    ...slotVariables(FIRST, ZERO),
    ...Object.entries(others).map(([name, value]) => [name, koyebSecretName("production", name), value] as const),
  ]);
  await at.fly("POST", "/apps", { app_name: APP, org_slug: "personal" });
  await at.fly("POST", `/apps/${APP}/ip_assignments`, { type: "shared_v4" });
  await at.fly("POST", `/apps/${APP}/secrets`, {
    values: { GATEWAY_SECRET_A: FIRST, GATEWAY_SECRET_B: ZERO, ...others },
  });
  for (let i = 0; i < MACHINES; i++)
    await at.fly("POST", `/apps/${APP}/machines`, {
      region: "nrt",
      config: {
        image: "sandbox.local/origin:dev",
        metadata: { fly_platform_version: "v2", fly_process_group: "app" },
        services: [
          { internal_port: 8080, protocol: "tcp", autostart: true, ports: [{ port: 443, handlers: ["tls", "http"] }] },
        ],
        checks: { health: { type: "http", port: 8080, path: "/health" } },
      },
    });

  const script = () => cloudflare.account.script(WORKER);
  const folder = mkdtempSync(join(tmpdir(), "mcpist-wire-"));
  writeFileSync(
    join(folder, "mcpist.config.ts"),
    `export default ${JSON.stringify({ environments: { production: file } })};\n`,
  );

  /** What a version of the deployment answers. */
  const gateway = async (url: URL, headers: Headers): Promise<Response> => {
    const shares = script().deployments.at(-1)?.shares ?? [];
    const asked = new RegExp(`^${WORKER}="(.+)"$`).exec(headers.get(VERSION_OVERRIDE_HEADER) ?? "")?.[1];
    const serving =
      shares.find(({ versionId }) => versionId === asked) ?? shares.toSorted((a, b) => b.percentage - a.percentage)[0];
    const version: Version | undefined = script().versions.find(({ id }) => id === serving?.versionId);
    if (!version) return new Response("no version", { status: 500 });
    const text = textOf(script(), version.id);
    const secret = parseSecret(text);
    const name = url.searchParams.get("origin");
    const origin = environment.origins.find((candidate) => candidate.name === name);
    const via = async () => {
      const answer = await fetch(`${origin?.url}${OBSERVATION_PATH}`, {
        headers: { [GATEWAY_SECRET_HEADER]: text },
      }).catch(() => null);
      const observation: unknown = answer?.ok ? await answer.json() : null;
      return { via: { origin: name, status: answer?.status ?? 0, observation } };
    };
    return Response.json({
      role: "worker",
      instanceId: "isolate",
      deployment: version.id,
      kid: secret.ok ? await kidOf(secret.value) : null,
      lastAccepted: {},
      ...(origin ? await via() : {}),
    });
  };

  const sent = (): readonly string[] =>
    (script().deployments.at(-1)?.shares ?? [])
      .filter(({ percentage }) => percentage > 0)
      .map(({ versionId }) => textOf(script(), versionId));
  const refused = async (): Promise<readonly string[]> => {
    const asked = environment.origins.flatMap((origin) =>
      sent().map(async (text) => {
        const answer = await fetch(`${origin.url}${OBSERVATION_PATH}`, { headers: { [GATEWAY_SECRET_HEADER]: text } });
        if (!answer.ok) return `${origin.name}: ${answer.status}`;
        const { accepted, instanceId } = (await answer.json()) as { accepted: boolean; instanceId: string };
        return accepted ? null : `${origin.name}: ${instanceId} refuses`;
      }),
    );
    return (await Promise.all(asked)).filter((text) => text !== null);
  };

  const bases: readonly (readonly [Party, string])[] = [
    ["github", github.url],
    ["koyeb", koyeb.url],
    ["fly", fly.url],
    ["cloudflare", cloudflare.baseUrl],
    ["gateway", GATEWAY],
  ];

  const mcpist = async (line: string, command: Command = {}): Promise<Ran> => {
    const { wire = (_call, pass) => pass(), signal } = command;
    const calls: WireCall[] = [];
    let writes = 0;
    const began = performance.now();
    const monotonic = () => (performance.now() - began) * SPEED;
    const base = testContext({
      cwd: folder,
      env: {
        GH_TOKEN: TOKENS.github,
        CLOUDFLARE_API_TOKEN: TOKEN,
        KOYEB_TOKEN: TOKENS.koyeb,
        FLY_API_TOKEN: TOKENS.fly,
        GITHUB_API_URL: github.url,
        CLOUDFLARE_API_BASE_URL: cloudflare.baseUrl,
        KOYEB_URL: koyeb.url,
        FLY_FLAPS_BASE_URL: fly.url,
        USER: "tester",
      },
      ...(signal ? { signal } : {}),
      fetch: async (input, init) => {
        const url = urlOf(input);
        const [party, root] =
          bases.find(([, start]) => url.startsWith(start)) ?? (["origin", new URL(url).origin] as const);
        const method = init?.method ?? "GET";
        if (isWrite(method)) writes++;
        const call: WireCall = { party, method, path: url.slice(root.length), n: calls.length + 1, writes };
        calls.push(call);
        const pass = async (): Promise<Response> => {
          if (party === "gateway") return gateway(new URL(url), new Headers(init?.headers));
          return party === "cloudflare" ? cloudflare.fetch(input, init) : fetch(input, init);
        };
        return wire(call, pass);
      },
    });
    const start = Date.now();
    const context: Context = {
      ...base,
      randomBytes,
      now: () => new Date(start + monotonic()),
      monotonic,
      sleep: async (ms) => {
        await sleep(ms / SPEED, undefined, { signal: base.signal });
      },
      processes: { self: () => ({ machine: "0".repeat(16), pid: 1, started: "1" }), isGone: () => true },
      platforms: ({ name, environment: own }) => {
        const access = { baseUrl: cloudflare.baseUrl, token: TOKEN };
        const worker = cloudflareWorker(context, cloudflareApi(context, access), own, access);
        const hub = (own: Context) => githubApi(own, { baseUrl: github.url, token: TOKENS.github });
        const koyebs = koyebApi(context, { baseUrl: koyeb.url, token: TOKENS.koyeb });
        const flies = flyApi(context, { baseUrl: fly.url, token: TOKENS.fly });
        return {
          targets: {
            worker: { ...worker, upload: asWrangler(worker) },
            origins: own.origins.map((origin) =>
              origin.kind === "koyeb"
                ? koyebOrigin(context, koyebs, name, own, origin)
                : flyOrigin(context, flies, origin),
            ),
            vault: githubVault(context, hub(context), own.github),
          },
          store: githubStore(hub(calm(context)), name, own.github),
        };
      },
    };
    const code = await run([...line.split(" "), "--env", "production"], context);
    return { code, text: base.err() + base.out(), calls };
  };

  const world: WireWorld = {
    github,
    cloudflare,
    koyeb,
    fly,
    vendor,
    environment,
    at,
    service,
    script,
    sent,
    refused,
    mcpist,
    close: async () => {
      await Promise.all([github.close(), koyeb.close(), fly.close()]);
    },
  };
  await until(async () => {
    const { json } = await at.fly("GET", `/apps/${APP}/machines`);
    return (json as readonly Record<string, unknown>[]).every(({ state }) => state === "started");
  });
  await until(async () => (await fetch(`${koyebUrl}${OBSERVATION_PATH}`)).ok);
  const begun = await mcpist("secrets rotate");
  if (begun.code !== 0) throw new Error(begun.text);
  return world;
}

/** What wrangler does: the latest upload with another value. */
const asWrangler =
  (worker: WorkerTarget): WorkerTarget["upload"] =>
  async (value, annotation, guard) => {
    const [latest] = (await worker.look()).versions;
    if (!latest) throw new TypeError("nothing was uploaded yet");
    return worker.arm(latest, value, annotation, guard);
  };

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NAMES, startKit, TOKEN, type Kit } from "../../sandbox/vendors/cloudflare/test/emulator.ts";
import { testEnvironment } from "../test/environment.ts";
import { testContext, urlOf } from "../test/test-context.ts";
import { cloudflareApi, cloudflareWorker } from "./cloudflare.ts";
import { gatewayKv } from "./gateway-kv.ts";
import type { Guard, WorkerTarget, WorkerVersion } from "./types.ts";

const SECRET_ONE = "0123456789abcdef".repeat(4);
const SECRET_TWO = "fedcba9876543210".repeat(4);
const KID_ONE = SECRET_ONE.slice(0, 16);
const KID_TWO = SECRET_TWO.slice(0, 16);
const CONFIG = JSON.stringify({ mark: "one" });

/** Answers the observation as the gateway does; its kids are the first characters of the secret, which is all a test needs. */
const source = (mark = "one") => `
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const kid = env.GATEWAY_SECRET ? env.GATEWAY_SECRET.slice(0, 16) : null;
    const origin = url.searchParams.get("origin");
    const via = origin === null ? {} : { via: { origin, status: 200, observation: {
      role: "origin", instanceId: "i-1", deployment: "d-1", kids: { a: kid, b: null }, lastAccepted: {}, accepted: true } } };
    return Response.json({ role: "worker", instanceId: "x", deployment: env.CF_VERSION_METADATA.id, kid, lastAccepted: {}, mark: ${JSON.stringify(mark)},
      ...("STRIPE_KEY_MARK" in env ? { marks: [env.STRIPE_KEY_MARK] } : { marks: [] }),
      config: env.MCPIST_CONFIG, ...via });
  },
};`;

let kit: Kit;
let kv = "";
const context = testContext({ fetch, realTime: true, env: { PATH: process.env["PATH"], HOME: "/nowhere" } });
let calls = 0;
const guard: Guard = () => {
  calls++;
  return Promise.resolve();
};
const api = (token = TOKEN) => cloudflareApi(context, { baseUrl: kit.cloudflare.apiUrl, token });
async function target(worker: string, token = TOKEN) {
  const cloudflare = {
    ...testEnvironment().cloudflare,
    accountId: NAMES.accountId,
    worker,
    url: await kit.cloudflare.gatewayUrlOf(worker),
  };
  return cloudflareWorker(
    context,
    api(token),
    { ...testEnvironment(), cloudflare },
    { baseUrl: kit.cloudflare.apiUrl, token },
  );
}
/** Uploads and deploys, as Terraform does. */
const put = (worker: string, secret: string | null, mark = "one") =>
  kit.put(worker, {
    source: source(mark),
    bindings: [
      { type: "plain_text", name: "MCPIST_CONFIG", text: CONFIG },
      { type: "version_metadata", name: "CF_VERSION_METADATA" },
      { type: "kv_namespace", name: "KV", namespace_id: kv },
      ...(secret === null ? [] : [{ type: "secret_text", name: "GATEWAY_SECRET", text: secret }]),
    ],
  });
const versionOf = (id: string): WorkerVersion => ({
  id,
  number: 0,
  annotatedKid: null,
  annotatedFrom: null,
  annotatedRun: null,
});
const boundOf = (worker: string, id: string) =>
  kit.cloudflare
    .workers()
    .find(({ name }) => name === worker)
    ?.versions.find((version) => version.id === id);
/** Both versions differ in nothing but secrets. */
async function alike(worker: WorkerTarget, one: string, other: string): Promise<void> {
  const { versions } = await worker.look([one, other]);
  const [a, b] = [one, other].map((id) => versions.find((version) => version.id === id)?.code);
  expect(a).toBeTypeOf("string");
  expect(a).toBe(b);
}
/** Another secret in the latest upload, not deployed: what a crash leaves behind. */
async function stage(worker: string, secret: string): Promise<string> {
  const patch = { env: { GATEWAY_SECRET: { type: "secret_text", text: secret } } };
  return (await kit.call<{ id: string }>("PATCH", `workers/workers/${worker}/versions/latest`, patch)).result.id;
}

beforeAll(async () => {
  kit = await startKit();
  kv = await kit.namespace("gw");
});
afterAll(() => kit.cloudflare.close());
beforeEach(() => {
  calls = 0;
});

describe("the Worker as the platform tells it", () => {
  it("does not exist, exists without the binding, or holds it", async () => {
    const worker = await target("names");
    expect(await worker.names()).toEqual({ exists: false, secret: false });
    await put("names", null);
    expect(await worker.names()).toEqual({ exists: true, secret: false });
    await stage("names", SECRET_ONE);
    expect(await worker.names()).toEqual({ exists: true, secret: true });
  });

  it("is looked at with versions newest first, shares, and the kid that each deployed version itself reports", async () => {
    const first = await put("look", SECRET_ONE);
    const second = await stage("look", SECRET_TWO);
    await kit.deploy("look", { [first]: 100, [second]: 0 });
    const seen = await (await target("look")).look();
    expect(seen.versions.map(({ id }) => id)).toEqual([second, first]);
    expect(seen.deployment).toEqual([
      { versionId: first, percentage: 100 },
      { versionId: second, percentage: 0 },
    ]);
    expect(seen.observed).toEqual({ [first]: KID_ONE, [second]: KID_TWO });
  });

  it("is looked at with the version that everybody runs, although newer uploads have pushed it off the list", async () => {
    const live = await put("pushed-off", SECRET_ONE);
    for (let i = 0; i < 101; i++) await stage("pushed-off", SECRET_ONE);
    const seen = await (await target("pushed-off")).look();
    expect(seen.versions.at(-1)?.id).toBe(live);
    expect(seen.observed).toEqual({ [live]: KID_ONE });
  });

  it("is bound to its configuration and its KV namespace, of the version with the larger share", async () => {
    const worker = await target("bound");
    await put("bound", SECRET_ONE);
    const versionId = await put("bound", SECRET_ONE, "two");
    expect(await worker.bound()).toEqual({ versionId, config: CONFIG, kvNamespace: kv });
    expect(await (await target("absent")).bound()).toBeNull();
  });

  it("is not to be seen with a wrong token", async () => {
    await expect((await target("look", "wrong")).look()).rejects.toMatchObject({
      code: "ERR_UNAUTHORISED",
      exitCode: 4,
    });
  });
});

describe("a version that carries a new secret", () => {
  it("is uploaded by wrangler with tag and message, and not deployed", async () => {
    const first = await put("upload", SECRET_ONE);
    const worker = await target("upload");
    const madeOf = { id: first, exact: false };
    const id = await worker.upload(SECRET_TWO, { kid: KID_TWO, from: KID_ONE, run: "run-1", madeOf }, guard);
    const seen = await worker.look();
    expect(seen.versions[0]).toMatchObject({
      id,
      madeOf,
      number: 2,
      annotatedKid: KID_TWO,
      annotatedFrom: KID_ONE,
      annotatedRun: "run-1",
    });
    expect(seen.deployment).toEqual([{ versionId: first, percentage: 100 }]);
    await alike(worker, id, first);
    expect(kit.cloudflare.secretTextForTests("upload", id, "GATEWAY_SECRET")).toBe(SECRET_TWO);
    expect(calls).toBe(1);
  });
  it("is uploaded by one call in an emergency, onto the code that is deployed, whatever was uploaded last", async () => {
    const first = await put("arm", SECRET_ONE, "deployed");
    await kit.call("PATCH", "workers/workers/arm/versions/latest", {
      env: { OTHER: { type: "plain_text", text: "x" } },
    });
    const worker = await target("arm");
    const id = await worker.arm(versionOf(first), SECRET_TWO, { kid: KID_TWO, from: KID_ONE, run: "run-1" }, guard);
    expect(kit.cloudflare.secretTextForTests("arm", id, "GATEWAY_SECRET")).toBe(SECRET_TWO);
    await alike(worker, id, first);
    const seen = await worker.look();
    expect(seen.versions[0]).toMatchObject({
      id,
      annotatedKid: KID_TWO,
      annotatedFrom: KID_ONE,
      annotatedRun: "run-1",
    });
    expect(seen.deployment).toEqual([{ versionId: first, percentage: 100 }]);
    expect(calls).toBe(1);
  });
  it("is not made for a Worker that does not exist: wrangler would invent one", async () => {
    const worker = await target("missing");
    await expect(worker.upload(SECRET_ONE, { kid: KID_ONE, from: null, run: "r" }, guard)).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
    });
    expect(calls).toBe(0);
  });
  it("is never anything but a gateway secret", async () => {
    await put("shape", SECRET_ONE);
    for (const value of ["", `${SECRET_ONE}\n`, "revoked:0000000000000000"])
      for (const make of ["upload", "arm"] as const) {
        const worker = await target("shape");
        const annotation = { kid: KID_ONE, from: null, run: "r" };
        const made =
          make === "arm"
            ? worker.arm(versionOf("v"), value, annotation, guard)
            : worker.upload(value, annotation, guard);
        await expect(made).rejects.toThrow(TypeError);
      }
  });
});

describe("the deployed code, uploaded again", () => {
  it("keeps code, bindings and the deployed secret although the latest upload has another one", async () => {
    const first = await put("again", SECRET_ONE, "deployed");
    await stage("again", SECRET_TWO);
    const worker = await target("again");
    const id = await worker.reupload(versionOf(first), { kid: KID_ONE, from: null, run: "run-2" }, guard);
    expect(kit.cloudflare.secretTextForTests("again", id, "GATEWAY_SECRET")).toBe(SECRET_ONE);
    await alike(worker, id, first);
    expect(boundOf("again", id)?.annotations).toMatchObject({
      "workers/tag": `mcpist-gw-${KID_ONE}-of-${first}`,
      "workers/message": `mcpist rotate kid=${KID_ONE} from=- run=run-2`,
    });
    const { versions, deployment } = await worker.look();
    expect(versions[0]).toMatchObject({ id, madeOf: { id: first, exact: true } });
    expect(deployment).toEqual([{ versionId: first, percentage: 100 }]);
  });

  it("takes the secret of another version where that is asked for: the step back", async () => {
    const first = await put("back", SECRET_ONE);
    const second = await stage("back", SECRET_TWO);
    const id = await (await target("back")).reupload(versionOf(second), null, guard, versionOf(first));
    expect(kit.cloudflare.secretTextForTests("back", id, "GATEWAY_SECRET")).toBe(SECRET_ONE);
  });

  it("is given another configuration and nothing else: the secret of the deployed version, the same code, the same stores", async () => {
    const first = await put("config", SECRET_ONE, "deployed");
    await stage("config", SECRET_TWO);
    const worker = await target("config");
    const changed = JSON.stringify({ mark: "two" });
    const id = await worker.reconfigure(
      versionOf(first),
      changed,
      { kid: KID_ONE, from: KID_TWO, run: "run-3" },
      guard,
    );
    expect(kit.cloudflare.secretTextForTests("config", id, "GATEWAY_SECRET")).toBe(SECRET_ONE);
    expect(kit.cloudflare.secretTextForTests("config", id, "MCPIST_CONFIG")).toBe(changed);
    expect(boundOf("config", id)?.etag).toBe(boundOf("config", first)?.etag);
    expect(boundOf("config", id)?.bindings.toSorted()).toEqual(boundOf("config", first)?.bindings.toSorted());
    expect((await worker.look()).versions[0]).toMatchObject({ id, madeOf: { id: first, exact: true } });
    expect((await worker.bound())?.versionId).toBe(first);
    await worker.deploy([{ versionId: id, percentage: 100 }], "test", guard);
    await kit.settled("config");
    expect(await worker.bound()).toEqual({ versionId: id, config: changed, kvNamespace: kv });
    expect(await (await kit.ask("config")).json()).toMatchObject({
      deployment: id,
      kid: KID_ONE,
      config: changed,
      mark: "deployed",
    });
    expect(calls).toBe(2);
  });

  it("is refused when what came back is not the same code", async () => {
    const first = await put("tampered", SECRET_ONE);
    const tampering: typeof fetch = async (input, init) => {
      if (!urlOf(input).includes("/content/v2")) return fetch(input, init);
      const form = new FormData();
      form.set("index.js", new File([source("evil")], "index.js", { type: "application/javascript+module" }));
      return new Response(form, { headers: { "cf-entrypoint": "index.js" } });
    };
    const tampered = { ...context, fetch: tampering };
    const cloudflare = { ...testEnvironment().cloudflare, accountId: NAMES.accountId, worker: "tampered" };
    const access = { baseUrl: kit.cloudflare.apiUrl, token: TOKEN };
    const worker = cloudflareWorker(
      tampered,
      cloudflareApi(tampered, access),
      { ...testEnvironment(), cloudflare },
      access,
    );
    await expect(worker.reconfigure(versionOf(first), "{}", null, guard)).rejects.toMatchObject({
      code: "ERR_MISMATCH",
      exitCode: 3,
    });
    expect(kit.cloudflare.workers().find(({ name }) => name === "tampered")?.deployments).toHaveLength(1);
  });
});

describe("a deployment", () => {
  it("replaces the shares; each version can be asked by itself, and through it an origin", async () => {
    const first = await put("deploy", SECRET_ONE);
    const second = await stage("deploy", SECRET_TWO);
    const worker = await target("deploy");
    await worker.deploy(
      [
        { versionId: first, percentage: 100 },
        { versionId: second, percentage: 0 },
      ],
      "mcpist probe",
      guard,
    );
    await kit.settled("deploy");
    expect(await worker.probe(second, "koyeb")).toMatchObject({
      origin: "koyeb",
      observation: { accepted: true, kids: { a: KID_TWO } },
    });
    expect(await worker.probe(first, "fly")).toMatchObject({ origin: "fly", observation: { kids: { a: KID_ONE } } });
    await worker.deploy([{ versionId: second, percentage: 100 }], "mcpist switch", guard);
    await kit.settled("deploy");
    expect(await worker.probe(first, "fly")).toBeNull();
  });

  it("recalls an old version at 0 % only", async () => {
    const first = await put("recall", SECRET_ONE);
    const second = await put("recall", SECRET_TWO, "two");
    const worker = await target("recall");
    await expect(worker.deploy([{ versionId: first, percentage: 100 }], "back", guard)).rejects.toMatchObject({
      code: "ERR_VENDOR",
    });
    const shares = [
      { versionId: second, percentage: 50 },
      { versionId: first, percentage: 50 },
    ];
    await expect(worker.deploy(shares, "proof", guard, { recall: true })).rejects.toThrow(TypeError);
    await worker.deploy(
      [
        { versionId: second, percentage: 100 },
        { versionId: first, percentage: 0 },
      ],
      "proof",
      guard,
      { recall: true },
    );
    expect((await worker.look()).observed).toEqual({ [first]: KID_ONE, [second]: KID_TWO });
  });

  it("is none that comes with a status of success and says that it failed", async () => {
    const versionId = await put("denied", SECRET_ONE);
    const failed = {
      success: false,
      errors: [{ code: 10_014, message: "an unknown error" }],
      result: { id: "d-none" },
    };
    const lying = testContext({
      fetch: async (input, init) => (init?.method === "POST" ? Response.json(failed) : fetch(input, init)),
    });
    const access = { baseUrl: kit.cloudflare.apiUrl, token: TOKEN };
    const cloudflare = { ...testEnvironment().cloudflare, accountId: NAMES.accountId, worker: "denied" };
    const worker = cloudflareWorker(lying, cloudflareApi(lying, access), { ...testEnvironment(), cloudflare }, access);
    const made = worker.deploy([{ versionId, percentage: 100 }], "mcpist switch", guard);
    await expect(made).rejects.toMatchObject({
      code: "ERR_VENDOR",
      message: expect.stringMatching(/^Cloudflare answered 200 to POST \S+: an unknown error \(10014\)$/) as unknown,
    });
  });

  it("is not written when the guard refuses", async () => {
    const first = await put("guarded", SECRET_ONE);
    const worker = await target("guarded");
    const refuse: Guard = () => Promise.reject(new TypeError("lease over"));
    await expect(worker.deploy([{ versionId: first, percentage: 100 }], "x", refuse)).rejects.toThrow("lease over");
    await expect(worker.reconfigure(versionOf(first), "{}", null, refuse)).rejects.toThrow("lease over");
    expect(kit.cloudflare.workers().find(({ name }) => name === "guarded")?.versions).toHaveLength(1);
  });
});

describe("the gateway's KV", () => {
  it("takes a text as it is and gives it back; a key that is not there is null", async () => {
    const store = gatewayKv(
      api(),
      { ...testEnvironment(), cloudflare: { ...testEnvironment().cloudflare, accountId: NAMES.accountId } },
      kv,
    );
    expect(await store.get("jwks:gen")).toBeNull();
    await store.put("jwks:gen", '{"generation":"ab"}');
    expect(await store.get("jwks:gen")).toBe('{"generation":"ab"}');
  });
});

describe("a secret of one's own", () => {
  const MARK = "9b2d70c4418ea6f5";
  const secrets = { STRIPE_KEY: "a key", STRIPE_KEY_MARK: MARK };

  it("is bound beside everything that the deployed version has, with its mark; nobody is served by it before a deploy", async () => {
    const live = await put("own", SECRET_ONE);
    const worker = await target("own");
    const annotation = { kid: KID_ONE, from: null, run: "r-1" };
    const made = await worker.bind(versionOf(live), secrets, annotation, guard);
    expect(calls).toBe(1);
    const { versions } = await worker.look();
    expect(versions[0]).toMatchObject({ id: made, annotatedKid: KID_ONE, madeOf: { id: made, exact: true } });
    expect(await worker.secrets(["STRIPE_KEY"])).toEqual({
      ok: true,
      instances: [{ id: live, markList: [] }],
      stamps: {},
    });
    await worker.deploy([{ versionId: made, percentage: 100 }], "mcpist put STRIPE_KEY", guard);
    expect(await worker.secrets(["STRIPE_KEY", "OTHER_KEY"])).toEqual({
      ok: true,
      instances: [{ id: made, markList: [MARK] }],
      stamps: { STRIPE_KEY: "1970-01-01T00:00:00.000Z" },
    });
    expect((await worker.look()).observed).toEqual({ [made]: KID_ONE });
    expect(kit.cloudflare.secretTextForTests("own", made, "STRIPE_KEY")).toBe("a key");
    expect(await worker.bound()).toMatchObject({ config: CONFIG, kvNamespace: kv });
  });

  it("goes along with a rotation's upload, and with an upload of Terraform, which keeps secrets by type", async () => {
    const live = await put("kept", SECRET_ONE);
    const worker = await target("kept");
    const made = await worker.bind(versionOf(live), secrets, null, guard);
    await worker.deploy([{ versionId: made, percentage: 100 }], "put", guard);
    const next = await worker.upload(SECRET_TWO, { kid: KID_TWO, from: KID_ONE, run: "r-2" }, guard);
    await alike(worker, made, next);
    expect(kit.cloudflare.secretTextForTests("kept", next, "STRIPE_KEY")).toBe("a key");
    await worker.deploy([{ versionId: next, percentage: 100 }], "switch", guard);
    const deployed = await kit.put("kept", {
      source: source("newer"),
      bindings: [{ type: "version_metadata", name: "CF_VERSION_METADATA" }],
      keep: ["secret_text"],
    });
    expect(kit.cloudflare.secretTextForTests("kept", deployed, "STRIPE_KEY")).toBe("a key");
    // The rotation's own upload is no write by hand.
    expect(await worker.secrets(["STRIPE_KEY"])).toMatchObject({
      instances: [{ id: deployed, markList: [MARK] }],
      stamps: { STRIPE_KEY: "1970-01-01T00:00:00.000Z" },
    });
  });

  it("that somebody wrote by hand leaves a date, whichever of the Worker's secrets it was", async () => {
    const live = await put("by-hand", SECRET_ONE);
    const worker = await target("by-hand");
    const made = await worker.bind(versionOf(live), secrets, null, guard);
    await worker.deploy([{ versionId: made, percentage: 100 }], "put", guard);
    await kit.call("PUT", "workers/scripts/by-hand/secrets", { name: "STRIPE_KEY", text: "x", type: "secret_text" });
    const look = await worker.secrets(["STRIPE_KEY"]);
    expect(look.stamps?.["STRIPE_KEY"]).toMatch(/^20\d\d-/);
    expect(look).toMatchObject({ instances: [{ markList: [MARK] }] });
  });
});

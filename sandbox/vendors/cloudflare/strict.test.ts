import { describe, expect, it } from "vitest";
import { API_ROOT, apiApp } from "./api/app.ts";
import type { Binding } from "./model.ts";
import { secret, apiKit, uploadForm, workerSource, type UploadOptions } from "./test/emulator.ts";

const kit = apiKit();

interface VersionAnswer {
  readonly id: string;
  readonly number: number;
  readonly annotations: Record<string, string>;
  readonly resources: {
    readonly bindings: { name: string; type: string }[];
    readonly script: { readonly etag: string };
  };
}
const scripts = (worker: string, rest = "") => `workers/scripts/${worker}${rest}`;
const uploadVersion = (worker: string, options: UploadOptions) =>
  kit.call<VersionAnswer>("POST", scripts(worker, "/versions"), uploadForm(options));
const version = async (worker: string, id: string) =>
  (await kit.call<VersionAnswer>("GET", scripts(worker, `/versions/${id}`))).result;
const stage = (worker: string, text: string, annotations: Record<string, string> = {}) =>
  kit.call<VersionAnswer>("PATCH", `workers/workers/${worker}/versions/latest`, {
    env: { SECRET: { type: "secret_text", text } },
    annotations,
  });
const deploy = (worker: string, shares: Record<string, number>, query = "") =>
  kit.call("POST", scripts(worker, `/deployments${query}`), {
    strategy: "percentage",
    versions: Object.entries(shares).map(([version_id, percentage]) => ({ version_id, percentage })),
  });
const text = (worker: string, id: string) => kit.account.secretTextForTests(worker, id, "SECRET");
const active = async (worker: string) =>
  (await kit.call<{ deployments: { versions: object[] }[] }>("GET", scripts(worker, "/deployments"))).result
    .deployments[0]?.versions;

it("a value that comes in no form is refused, not a fault", async () => {
  const { result } = await kit.call<{ id: string }>("POST", "storage/kv/namespaces", { title: "forms" });
  const path = `${API_ROOT}/accounts/${kit.account.names.accountId}/storage/kv/namespaces/${result.id}/values/k`;
  const headers = { authorization: "Bearer t", "content-type": "multipart/form-data; boundary=x" };
  const answer = await apiApp(kit.account, "t").request(path, { method: "PUT", headers, body: "no form" });
  expect(answer.status).toBe(400);
});

it("many keys are written, read and deleted at once; one that is absent is null, and deleting it is no fault", async () => {
  const { result } = await kit.call<{ id: string }>("POST", "storage/kv/namespaces", { title: "many" });
  const at = `storage/kv/namespaces/${result.id}/bulk`;
  const pairs = [
    { key: "one", value: "1", metadata: { by: "us" } },
    { key: "two", value: "2" },
    { key: "six", value: "6" },
  ];
  await kit.call("PUT", at, pairs);
  const keys = ["one", "two", "absent"];
  const read = async (more: object) => (await kit.call("POST", `${at}/get`, { keys, ...more })).result;
  expect(await read({})).toEqual({ values: { one: "1", two: "2", absent: null } });
  expect(await read({ type: "json", withMetadata: true })).toEqual({
    values: { one: { value: 1, metadata: { by: "us" } }, two: { value: 2, metadata: null }, absent: null },
  });
  expect((await kit.call("POST", `${at}/delete`, keys)).result).toMatchObject({ successful_key_count: 3 });
  // As wrangler asks.
  expect((await kit.call("DELETE", at, ["six"])).status).toBe(200);
  expect((await kit.call("GET", `storage/kv/namespaces/${result.id}/keys`)).result).toEqual([]);
  for (const refused of [{ keys: [] }, { keys: [1] }, { keys: Array.from({ length: 101 }, String) }])
    expect((await kit.call("POST", `${at}/get`, refused)).status).toBe(400);
});

describe("secrets and uploads", () => {
  it("an upload without keep_bindings drops the secret, one with it keeps that of the latest upload", async () => {
    await kit.put("keep", { bindings: [secret("one")] });
    const staged = await stage("keep", "two");
    const kept = await kit.put("keep", { keep: ["secret_text"] });
    expect(text("keep", kept)).toBe("two");
    expect(staged.result.number).toBe(2);
    const dropped = await kit.put("keep", { bindings: [] });
    expect(text("keep", dropped)).toBeNull();
    expect((await kit.call("GET", scripts("keep", "/secrets"))).result).toEqual([]);
  });

  it("a version may inherit a secret by version id; without one it inherits the latest upload", async () => {
    const first = await kit.put("inherit", { bindings: [secret("one")] });
    await stage("inherit", "two");
    const byId = await uploadVersion("inherit", { bindings: [{ name: "SECRET", type: "inherit", version_id: first }] });
    expect(text("inherit", byId.result.id)).toBe("one");
    await stage("inherit", "three");
    const byLatest = await uploadVersion("inherit", { bindings: [{ name: "SECRET", type: "inherit" }] });
    expect(text("inherit", byLatest.result.id)).toBe("three");
    expect((await version("inherit", byLatest.result.id)).number).toBe(5);
    expect(await uploadVersion("inherit", { bindings: [{ name: "NONE", type: "inherit" }] })).toMatchObject({
      status: 400,
      code: 10057,
    });
  });

  it("inheriting on the first upload of a Worker is refused and makes no Worker", async () => {
    const answer = await kit.call(
      "PUT",
      scripts("fresh"),
      uploadForm({ bindings: [{ name: "SECRET", type: "inherit" }] }),
    );
    expect(answer).toMatchObject({ status: 400, code: 10057 });
    expect(await kit.call("GET", scripts("fresh", "/secrets"))).toMatchObject({ status: 404, code: 10007 });
  });

  it("the code of a staged secret is that of the latest upload: same etag, next number, no traffic", async () => {
    const first = await kit.put("staged", { bindings: [secret("one")] });
    const staged = await stage("staged", "two", { "workers/tag": "mcpist-gw-1", "workers/message": "rotate" });
    const [before, after] = [await version("staged", first), await version("staged", staged.result.id)];
    expect(after.resources.script.etag).toBe(before.resources.script.etag);
    expect(after.number).toBe(before.number + 1);
    expect(after.annotations).toEqual({
      "workers/triggered_by": "secret",
      "workers/tag": "mcpist-gw-1",
      "workers/message": "rotate",
    });
    expect(await active("staged")).toEqual([{ version_id: first, percentage: 100 }]);
  });

  it("lists versions newest first, those that can be deployed with their bindings", async () => {
    const first = await kit.put("listed", { bindings: [secret("one")] });
    const second = (await stage("listed", "two")).result.id;
    const items = async (query: string) =>
      (await kit.call<{ items: Partial<VersionAnswer>[] }>("GET", scripts("listed", `/versions${query}`))).result.items;
    expect((await items("?per_page=1&page=2")).map(({ id }) => id)).toEqual([first]);
    expect(await items("?deployable=true")).toMatchObject([
      { id: second, number: 2, resources: { bindings: [{ name: "SECRET", type: "secret_text" }] } },
      { id: first, number: 1 },
    ]);
  });

  it("bindings to what does not exist or cannot be are refused", async () => {
    const refused = async (binding: Binding) =>
      (await kit.call("PUT", scripts("bound"), uploadForm({ bindings: [binding] }))).status;
    expect(await refused({ name: "KV", type: "kv_namespace", namespace_id: "f".repeat(32) })).toBe(400);
    expect(await refused({ name: "RL", type: "ratelimit", namespace_id: "1", simple: { limit: 10, period: 30 } })).toBe(
      400,
    );
    expect(await refused({ name: "AI", type: "ai" })).toBe(400);
    expect(await refused({ name: "RL", type: "ratelimit", namespace_id: "1", simple: { limit: 10, period: 60 } })).toBe(
      200,
    );
  });

  it("no answer of the API has the text of a secret", async () => {
    const id = await kit.put("canary", { bindings: [secret("canary-value")] });
    const answers = [
      await kit.call("PUT", scripts("canary", "/secrets"), {
        name: "SECRET",
        text: "canary-value",
        type: "secret_text",
      }),
      await stage("canary", "canary-value"),
      ...(await Promise.all(
        ["/secrets", "/secrets/SECRET", "/settings", "/versions", `/versions/${id}`, "/deployments"].map((path) =>
          kit.call("GET", scripts("canary", path)),
        ),
      )),
      await kit.call("GET", "workers/services/canary"),
      await kit.call("GET", "workers/workers/canary"),
      await kit.call("PUT", scripts("canary", "/secrets"), `{"name":"SECRET","text":"canary-value"`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 10 }, () => 200), 400]);
    expect(answers.filter((answer) => answer.text.includes("canary-value"))).toEqual([]);
  });
});

describe("secret put and secret bulk", () => {
  it("deploy at once to everybody, several secrets in one version", async () => {
    await kit.put("put", { bindings: [secret("one")] });
    expect(
      await kit.call("PUT", scripts("put", "/secrets"), { name: "SECRET", text: "two", type: "secret_text" }),
    ).toMatchObject({
      status: 200,
      result: { name: "SECRET", type: "secret_text" },
    });
    const secrets = {
      SECRET: null,
      A: { name: "A", text: "a", type: "secret_text" },
      B: { name: "B", text: "b", type: "secret_text" },
    };
    expect((await kit.call("PATCH", scripts("put", "/secrets-bulk"), { secrets })).status).toBe(200);
    expect((await kit.call("GET", scripts("put", "/secrets"))).result).toEqual([
      { name: "A", type: "secret_text" },
      { name: "B", type: "secret_text" },
    ]);
    const { versions } = kit.account.script("put");
    expect(versions).toHaveLength(3);
    expect(await active("put")).toEqual([{ version_id: versions.at(-1)?.id, percentage: 100 }]);
  });

  it("are refused with 10215 while the latest upload is not what everybody runs", async () => {
    const first = await kit.put("ahead", { bindings: [secret("one")] });
    const staged = (await stage("ahead", "two")).result.id;
    const put = () =>
      kit.call("PUT", scripts("ahead", "/secrets"), { name: "SECRET", text: "three", type: "secret_text" });
    expect(await put()).toMatchObject({ status: 400, code: 10215 });
    expect((await deploy("ahead", { [first]: 50, [staged]: 50 })).status).toBe(200);
    expect(await put()).toMatchObject({ status: 400, code: 10215 });
    expect((await deploy("ahead", { [staged]: 100 })).status).toBe(200);
    expect((await put()).status).toBe(200);
  });

  it("cannot take the name of another binding", async () => {
    await kit.put("taken", { bindings: [{ name: "PLAIN", type: "plain_text", text: "x" }] });
    expect(await kit.call("PUT", scripts("taken", "/secrets"), { name: "PLAIN", text: "x" })).toMatchObject({
      status: 400,
      code: 10053,
    });
  });

  it("say 10007 for a Worker that does not exist, 10056 for a secret that does not", async () => {
    expect(await kit.call("PUT", scripts("absent", "/secrets"), { name: "S", text: "x" })).toMatchObject({
      status: 404,
      code: 10007,
    });
    expect(await stage("absent", "x")).toMatchObject({ status: 404, code: 10007 });
    await kit.put("bare", { bindings: [] });
    expect(await kit.call("DELETE", scripts("bare", "/secrets/NONE"))).toMatchObject({ status: 404, code: 10056 });
  });
});

describe("a deployment", () => {
  it("of an older version with other secrets needs force: 10220 names them", async () => {
    const first = await kit.put("back", { bindings: [secret("one")] });
    const second = (await stage("back", "two")).result.id;
    expect((await deploy("back", { [second]: 100 })).status).toBe(200);
    const refused = await deploy("back", { [first]: 100 });
    expect(refused).toMatchObject({ status: 400, code: 10220 });
    expect(refused.message).toContain("The following secrets have changed: SECRET");
    expect(await deploy("back", { [second]: 100, [first]: 0 })).toMatchObject({ code: 10220 });
    expect((await deploy("back", { [second]: 100, [first]: 0 }, "?force=true")).status).toBe(200);
    expect(await active("back")).toHaveLength(2);
    // Now it is part of the deployment: going back needs no second word.
    expect((await deploy("back", { [first]: 100 })).status).toBe(200);
  });

  it("of an older version with the same secrets needs none", async () => {
    const first = await kit.put("same", { bindings: [secret("one")] });
    await kit.put("same", { keep: ["secret_text"], source: workerSource("two") });
    expect((await deploy("same", { [first]: 100 })).status).toBe(200);
  });

  it("is refused when the percentages or the versions do not fit", async () => {
    const first = await kit.put("shares", { bindings: [] });
    const other = (await stage("shares", "x")).result.id;
    const third = (await stage("shares", "y")).result.id;
    expect(await deploy("shares", { [first]: 99 })).toMatchObject({ status: 400 });
    expect(await deploy("shares", { [first]: 120, [other]: -20 })).toMatchObject({ status: 400 });
    expect(await deploy("shares", { [first]: 50, [other]: 25, [third]: 25 })).toMatchObject({ status: 400 });
    expect(await deploy("shares", {})).toMatchObject({ status: 400 });
    expect(await deploy("shares", { [crypto.randomUUID()]: 100 })).toMatchObject({ status: 404 });
    expect(await active("shares")).toEqual([{ version_id: first, percentage: 100 }]);
  });
});

describe("Durable Objects", () => {
  const objects: UploadOptions = {
    bindings: [{ name: "COUNTER", type: "durable_object_namespace", class_name: "Counter" }],
    metadata: { migrations: { new_tag: "v1", new_sqlite_classes: ["Counter"] } },
  };

  it("need a migration (10061) that is sent once (10079) and never with a version (10211)", async () => {
    expect(await kit.call("PUT", scripts("do"), uploadForm({ ...objects, metadata: {} }))).toMatchObject({
      status: 400,
      code: 10061,
    });
    await kit.put("do", objects);
    expect(await kit.call("PUT", scripts("do"), uploadForm(objects))).toMatchObject({ status: 412, code: 10079 });
    expect(await uploadVersion("do", objects)).toMatchObject({ status: 400, code: 10211 });
    expect((await uploadVersion("do", { ...objects, metadata: {} })).status).toBe(200);
    const { result } = await kit.call<{ bindings: object[] }>("GET", scripts("do", "/settings"));
    expect(result.bindings).toEqual([
      expect.objectContaining({ name: "COUNTER", namespace_id: expect.stringMatching(/^[0-9a-f]{32}$/) }),
    ]);
    const all = (await kit.call<{ id: string; migration_tag?: string }[]>("GET", "workers/scripts")).result;
    expect(all.find(({ id }) => id === "do")?.migration_tag).toBe("v1");
  });
});

describe("lists", () => {
  it("of KV namespaces come in pages of twenty, or as many as were asked for", async () => {
    for (let i = 0; i < 21; i++) await kit.call("POST", "storage/kv/namespaces", { title: `page-${i}` });
    const page = async (query: string) =>
      (await kit.call<{ title: string }[]>("GET", `storage/kv/namespaces${query}`)).result.map(({ title }) => title);
    const all = await page("?per_page=1000");
    expect((await page("")).length).toBe(20);
    expect(await page("?page=2")).toEqual(all.slice(20));
    expect(await page("?per_page=5&page=2")).toEqual(all.slice(5, 10));
    const titles = all.toSorted();
    expect(await page("?order=title&direction=asc&per_page=100")).toEqual(titles);
    expect(await page("?order=title&direction=desc&per_page=2")).toEqual(titles.toReversed().slice(0, 2));
  });
});

describe("lists of versions", () => {
  interface Items {
    readonly items: {
      readonly id: string;
      readonly annotations?: Record<string, string>;
      readonly resources?: object;
    }[];
  }
  const list = async (worker: string, query = "") =>
    (await kit.call<Items>("GET", scripts(worker, `/versions${query}`))).result.items;

  it("have annotations only where they are documented: of the deployable ones, and of a single version", async () => {
    await kit.put("notes", { bindings: [secret("one")] });
    const { id } = (await stage("notes", "two", { "workers/message": "hello" })).result;
    expect((await list("notes", "?per_page=100")).every((item) => !("annotations" in item))).toBe(true);
    const deployable = await list("notes", "?deployable=true");
    expect(deployable.find((item) => item.id === id)?.annotations).toMatchObject({ "workers/message": "hello" });
    expect((await version("notes", id)).annotations["workers/message"]).toBe("hello");
  });

  it("are no longer than 100, so that later uploads push the version off that everybody runs", async () => {
    const live = await kit.put("many", { bindings: [secret("one")] });
    for (let i = 0; i < 104; i++) await uploadVersion("many", { bindings: [secret("one")] });
    for (const query of ["?per_page=100", "?deployable=true", "?per_page=500"]) {
      const items = await list("many", query);
      expect([items.length, items.some((item) => item.id === live)]).toEqual([100, false]);
    }
    expect((await list("many")).length).toBe(10);
    expect((await version("many", live)).id).toBe(live);
  });

  it("are behind an upload for as long as lists are, while the version itself is there", async () => {
    const first = await kit.put("behind", { bindings: [secret("one")] });
    kit.account.listLagMs = () => 60_000;
    const { id } = (await stage("behind", "two")).result;
    expect(await list("behind", "?deployable=true")).toEqual([]);
    expect((await version("behind", id)).id).toBe(id);
    kit.account.listLagMs = () => 0;
    expect((await list("behind")).map((item) => item.id)).toEqual([id, first]);
  });
});

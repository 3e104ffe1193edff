import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NAMES, secret, startKit, TOKEN, uploadForm, VERSION_BINDING, type Kit } from "./test/emulator.ts";

let kit: Kit;
beforeAll(async () => {
  kit = await startKit();
});
afterAll(() => kit.cloudflare.close());

interface Said {
  readonly mark: string;
  readonly secret: string | null;
  readonly version: string;
  readonly tag: string;
  readonly address: string;
}
const said = async (worker: string, headers: Record<string, string> = {}): Promise<Said> =>
  (await (await kit.ask(worker, "/", { headers })).json()) as Said;

describe("a rotation of a secret", () => {
  it("stages a version, reaches it at 0 % by header, switches to it and can put the old one back at 0 %", async () => {
    const worker = "rotation";
    const first = await kit.put(worker, { bindings: [secret("old"), VERSION_BINDING] });
    expect(await said(worker)).toMatchObject({ secret: "old", version: first });

    const env = { SECRET: { type: "secret_text", text: "new" } };
    const patch = await kit.call<{ id: string }>("PATCH", `workers/workers/${worker}/versions/latest`, {
      env,
      annotations: { "workers/tag": "mcpist-gw-1", "workers/message": "rotate" },
    });
    const second = patch.result.id;
    expect(await said(worker, { "cloudflare-workers-version-overrides": `${worker}="${second}"` })).toMatchObject({
      secret: "old",
    });

    const deploy = async (shares: Record<string, number>, query = "") => {
      const versions = Object.entries(shares).map(([version_id, percentage]) => ({ version_id, percentage }));
      const answer = await kit.call("POST", `workers/scripts/${worker}/deployments${query}`, {
        strategy: "percentage",
        versions,
      });
      expect(answer.status, answer.message).toBe(200);
      await kit.settled(worker);
    };
    await deploy({ [first]: 100, [second]: 0 });
    const probe = await said(worker, { "cloudflare-workers-version-overrides": `other="x", ${worker}="${second}"` });
    expect(probe).toMatchObject({ secret: "new", version: second, tag: "mcpist-gw-1" });
    expect(await said(worker)).toMatchObject({ secret: "old", version: first });

    await deploy({ [second]: 100 });
    expect(await said(worker)).toMatchObject({ secret: "new" });
    expect(await said(worker, { "cloudflare-workers-version-overrides": `${worker}="${first}"` })).toMatchObject({
      secret: "new",
    });

    await deploy({ [second]: 100, [first]: 0 }, "?force=true");
    expect(await said(worker, { "cloudflare-workers-version-overrides": `${worker}="${first}"` })).toMatchObject({
      secret: "old",
    });
  });
});

describe("the public side", () => {
  it("answers 503 on a stable address until something is deployed", async () => {
    const url = await kit.cloudflare.gatewayUrlOf("later");
    expect((await kit.ask("later")).status).toBe(503);
    await kit.put("later", { bindings: [] });
    expect(await kit.cloudflare.gatewayUrlOf("later")).toBe(url);
    expect((await kit.ask("later")).status).toBe(200);
  });

  it("takes the client's address from the socket, whatever the client says", async () => {
    await kit.put("address", { bindings: [] });
    expect(await said("address", { "cf-connecting-ip": "203.0.113.9" })).toMatchObject({ address: "127.0.0.1" });
  });
});

describe("a call that is not imitated", () => {
  it("is answered 404 and named in the log", async () => {
    const answer = await kit.call("GET", "workers/nonsense");
    expect(answer.status).toBe(404);
    expect(kit.log.join("\n")).toContain(
      `cloudflare does not imitate GET /client/v4/accounts/${NAMES.accountId}/workers/nonsense`,
    );
  });
});

describe("the state for pages and tests", () => {
  it("has no text of a secret", async () => {
    const id = await kit.put("state", { bindings: [secret("canary-value")] });
    expect(kit.cloudflare.workers().find(({ name }) => name === "state")).toMatchObject({
      versions: [{ id, number: 1, bindings: ["SECRET"] }],
      deployments: [{ shares: [{ versionId: id, percentage: 100 }] }],
      running: [{ versionId: id, inFlight: 0, draining: false }],
    });
    expect(JSON.stringify(kit.cloudflare.workers())).not.toContain("canary-value");
    expect(kit.cloudflare.secretTextForTests("state", id, "SECRET")).toBe("canary-value");
  });
});

describe("an upload that does not run", () => {
  it("is refused with code 10021 and leaves the Worker as it was", async () => {
    await kit.put("broken", { bindings: [] });
    const answer = await kit.call("PUT", "workers/scripts/broken", uploadForm({ source: "export default {{" }));
    expect(answer).toMatchObject({ status: 400, code: 10021 });
    expect((await kit.ask("broken")).status).toBe(200);
  });
});

describe("who may call", () => {
  const status = async (path: string, token = TOKEN) => {
    const response = await fetch(kit.cloudflare.apiUrl + path, { headers: { authorization: `Bearer ${token}` } });
    const { errors } = (await response.json()) as { errors: { code: number }[] };
    return [response.status, errors[0]?.code];
  };

  it("is told apart: bad token 401, another account or zone 403, no account id 404", async () => {
    const path = `/accounts/${NAMES.accountId}/workers/scripts`;
    expect(await status(path)).toEqual([200, undefined]);
    expect(await status(path, "bad")).toEqual([401, 10000]);
    expect(await status(path, "")).toEqual([401, 10000]);
    expect(await status(`/accounts/${"f".repeat(32)}/workers/scripts`)).toEqual([403, 10000]);
    expect(await status(`/zones/${"f".repeat(32)}/workers/routes`)).toEqual([403, 10000]);
    expect(await status("/accounts/mine/workers/scripts")).toEqual([404, 7003]);
  });

  it("meets rate limits where a rule asks for them", async () => {
    kit.context.faults.add({
      vendor: "cloudflare",
      method: "POST",
      path: "/deployments",
      times: 1,
      effect: { kind: "status", when: "before", status: 429, retryAfterSeconds: 3 },
    });
    const first = await kit.put("limited", { bindings: [] });
    const deploy = () =>
      kit.call("POST", "workers/scripts/limited/deployments", {
        strategy: "percentage",
        versions: [{ version_id: first, percentage: 100 }],
      });
    const refused = await deploy();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3"]);
    expect((await deploy()).status).toBe(200);
  });
});

describe("a deleted Worker", () => {
  it("is gone at every edge and can be made anew", async () => {
    await kit.put("gone", { bindings: [] });
    expect((await kit.call("DELETE", "workers/scripts/gone")).status).toBe(200);
    expect((await kit.ask("gone")).status).toBe(503);
    expect(await kit.call("GET", "workers/services/gone")).toMatchObject({ status: 404, code: 10007 });
    await kit.put("gone", { bindings: [] });
    expect((await kit.ask("gone")).status).toBe(200);
  });
});

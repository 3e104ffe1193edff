import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secret, startKit, uploadForm, VERSION_BINDING, type Kit } from "./test-kit.ts";

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
    expect(await said(worker, { "cloudflare-workers-version-overrides": `${worker}="${second}"` })).toMatchObject({ secret: "old" });

    const deploy = async (shares: Record<string, number>, query = "") => {
      const versions = Object.entries(shares).map(([version_id, percentage]) => ({ version_id, percentage }));
      const answer = await kit.call("POST", `workers/scripts/${worker}/deployments${query}`, { strategy: "percentage", versions });
      expect(answer.status, answer.message).toBe(200);
      await kit.settled(worker);
    };
    await deploy({ [first]: 100, [second]: 0 });
    const probe = await said(worker, { "cloudflare-workers-version-overrides": `other="x", ${worker}="${second}"` });
    expect(probe).toMatchObject({ secret: "new", version: second, tag: "mcpist-gw-1" });
    expect(await said(worker)).toMatchObject({ secret: "old", version: first });

    await deploy({ [second]: 100 });
    expect(await said(worker)).toMatchObject({ secret: "new" });
    expect(await said(worker, { "cloudflare-workers-version-overrides": `${worker}="${first}"` })).toMatchObject({ secret: "new" });

    await deploy({ [second]: 100, [first]: 0 }, "?force=true");
    expect(await said(worker, { "cloudflare-workers-version-overrides": `${worker}="${first}"` })).toMatchObject({ secret: "old" });
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
      "cloudflare does not imitate GET /client/v4/accounts/0123456789abcdef0123456789abcdef/workers/nonsense",
    );
  });

  it("does not reach anything without the token", async () => {
    const response = await fetch(`${kit.cloudflare.apiUrl}/user/tokens/verify`, { headers: { authorization: "Bearer wrong" } });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ success: false, errors: [{ code: 10000 }] });
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

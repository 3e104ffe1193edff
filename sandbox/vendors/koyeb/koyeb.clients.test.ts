import { afterAll, beforeAll, expect, it } from "vitest";
import { describeClients } from "../../test/client.ts";
import { ask, type Call, caller, FAKE_ORIGIN, fastContext, type Json, TOKENS, until } from "../../test/harness.ts";
import type { VendorContext } from "../vendor.ts";
import { type Koyeb, startKoyeb } from "./koyeb.ts";

let koyeb: Koyeb;
let context: VendorContext;
let call: Call;
let url: string;

beforeAll(async () => {
  context = fastContext();
  koyeb = await startKoyeb(context, { program: FAKE_ORIGIN });
  call = caller(() => koyeb.url, TOKENS.koyeb);
  url = await koyeb.edgeUrl("mcpist", "origin");
  await call("POST", "/v1/secrets", { name: "slot-a", type: "SIMPLE", value: "first" });
  const { app } = (await call("POST", "/v1/apps", { name: "mcpist" })).json;
  const definition: Json = {
    name: "origin",
    type: "WEB",
    regions: ["fra"],
    env: [{ key: "GATEWAY_SECRET_A", secret: "slot-a" }],
    ports: [{ port: 8000, protocol: "http" }],
    routes: [{ port: 8000, path: "/" }],
    instance_types: [{ type: "free" }],
    scalings: [{ min: 1, max: 1 }],
    docker: { image: "sandbox.local/origin" },
  };
  await call("POST", "/v1/services", { app_id: app["id"], definition });
  await until(async () => (await ask(url))["status"] === 200 || null);
});
afterAll(async () => {
  // Whatever the client asked for was imitated, or its name is told here.
  expect(context.faults.calls.filter(({ known }) => !known)).toEqual([]);
  await koyeb.close();
});

describeClients(
  ["koyeb"],
  () => ({ KOYEB_URL: koyeb.url, KOYEB_TOKEN: TOKENS.koyeb }),
  (run) => {
    it("lists secrets, apps, services, deployments and instances", async () => {
      for (const [args, seen] of [
        [["secrets", "list"], "slot-a"],
        [["secrets", "get", "slot-a"], "SIMPLE"],
        [["apps", "list"], "mcpist"],
        [["services", "list"], "HEALTHY"],
        [["services", "describe", "mcpist/origin"], "HEALTHY"],
        [["deployments", "list"], "HEALTHY"],
        [["instances", "list", "--app", "mcpist"], "HEALTHY"],
      ] as const)
        expect(await run(args)).toEqual({ exitCode: 0, text: expect.stringContaining(seen) });
    });

    it("updates a secret from stdin, and only a redeploy brings it to the instances", async () => {
      expect(await run(["secrets", "update", "slot-a", "--value-from-stdin"], "second\n")).toMatchObject({
        exitCode: 0,
      });
      expect((await ask(url))["environment"]["GATEWAY_SECRET_A"]).toBe("first");
      const redeploy = ["services", "redeploy", "mcpist/origin", "--skip-build", "--wait", "--wait-timeout", "1m"];
      expect(await run(redeploy)).toMatchObject({ exitCode: 0 });
      await until(async () => (await ask(url))["environment"]["GATEWAY_SECRET_A"] === "second" || null);
      expect((await run(["secrets", "reveal", "slot-a"])).text).toContain("second");
    });

    it("creates and deletes a secret, and uploads an empty one when its stdin is empty", async () => {
      expect(await run(["secrets", "create", "made", "--value-from-stdin"])).toMatchObject({ exitCode: 0 });
      const [made] = (await call("GET", "/v1/secrets?name=made")).json["secrets"] as [Json];
      expect((await call("POST", `/v1/secrets/${made["id"]}/reveal`, {})).json["value"]).toBe("");
      expect(await run(["secrets", "delete", "made"])).toMatchObject({ exitCode: 0 });
      expect((await call("GET", `/v1/secrets/${made["id"]}`)).status).toBe(404);
    });

    it("reaches the emulator under its built-in https address, as the Terraform provider does", async () => {
      const { proxyUrl, caFile } = await koyeb.connectProxy();
      const { exitCode, text } = await run(["apps", "list"], "", {
        KOYEB_URL: "",
        HTTPS_PROXY: proxyUrl,
        SSL_CERT_FILE: caFile,
      });
      expect([exitCode, text]).toEqual([0, expect.stringContaining("mcpist")]);
      expect((await run(["apps", "list"], "", { KOYEB_URL: "", HTTPS_PROXY: proxyUrl })).text).toContain("certificate");
    });

    it("tells an error of the API and ends with 1", async () => {
      const { exitCode, text } = await run(["secrets", "get", "absent"]);
      expect([exitCode, text]).toEqual([1, expect.stringContaining("absent")]);
    });
  },
);

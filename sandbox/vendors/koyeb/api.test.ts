import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Call, caller, FAKE_ORIGIN, fastContext, type Json, TOKENS, until } from "../../test/harness.ts";
import type { VendorContext } from "../vendor.ts";
import { type Koyeb, startKoyeb } from "./koyeb.ts";

let koyeb: Koyeb;
let call: Call;
let context: VendorContext;
const lines: string[] = [];
beforeAll(async () => {
  context = fastContext({ lines });
  koyeb = await startKoyeb(context, { program: FAKE_ORIGIN });
  call = caller(() => koyeb.url, TOKENS.koyeb);
});
afterAll(() => koyeb.close());

const created = async (name: string, value = "value"): Promise<Json> =>
  (await call("POST", "/v1/secrets", { name, type: "SIMPLE", value })).json["secret"];
const revealed = async (secret: Json): Promise<string> =>
  (await call("POST", `/v1/secrets/${secret["id"]}/reveal`, {})).json["value"];

describe("the API", () => {
  it("refuses a call without the token, in the vendor's shape of an error", async () => {
    const stranger = caller(() => koyeb.url, "wrong");
    const { status, json } = await stranger("GET", "/v1/secrets");
    expect(status).toBe(401);
    expect(json).toEqual({ status: 401, code: expect.any(String), message: expect.any(String) });
  });

  it("names what is wrong with a body, field by field", async () => {
    const { status, json } = await call("POST", "/v1/secrets", { name: "UPPER", type: "SIMPLE", value: "" });
    expect(status).toBe(400);
    expect(json).toMatchObject({ status: 400, fields: [{ field: "name", description: expect.any(String) }] });
    const response = await fetch(`${koyeb.url}/v1/secrets`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKENS.koyeb}` },
      body: "no json",
    });
    expect(response.status).toBe(400);
  });

  it.each(["project_id=x", "replica_index=1", "allocation_id=x"])(
    "has no silent answer to a filter it lacks: %s",
    async (query) => {
      expect(await call("GET", `/v1/instances?${query}`)).toMatchObject({
        status: 404,
        json: { status: 404, message: expect.stringContaining("not imitated") },
      });
    },
  );

  it("knows no enum value that the vendor does not know", async () => {
    const { app } = (await call("POST", "/v1/apps", { name: "enums" })).json;
    const service = (definition: Json) =>
      call("POST", "/v1/services", { app_id: app["id"], definition: { name: "x1", ...definition } });
    expect((await service({ strategy: { type: "ROLLING" } })).status).toBe(400);
    expect((await service({ type: "web" })).status).toBe(400);
    expect((await call("POST", "/v1/secrets", { name: "enum", type: "simple", value: "" })).status).toBe(400);
  });

  it("lists late what was written, and shows one record at once", async () => {
    const early = await created("lag-early");
    context.timings = { ...context.timings, listLagMs: 60_000 };
    const late = await created("lag-late");
    const listed = async (): Promise<string[]> =>
      (await call("GET", "/v1/secrets?name=lag-")).json["secrets"].map((secret: Json) => secret["name"]);
    expect(await listed()).toEqual([]);
    expect((await call("GET", `/v1/secrets/${late["id"]}`)).json["secret"]["name"]).toBe("lag-late");
    context.timings = { ...context.timings, listLagMs: 0 };
    expect(await listed()).toEqual([early["name"], late["name"]]);
  });

  it("gives at most 100 at once, whatever is asked for, and tells the count", async () => {
    await Promise.all(Array.from({ length: 101 }, (_, index) => created(`cap-${index}`)));
    const { json } = await call("GET", "/v1/secrets?name=cap-&limit=500");
    expect([json["secrets"].length, json["limit"], json["offset"], json["count"]]).toEqual([100, 100, 0, 101]);
    const rest = await call("GET", "/v1/secrets?name=cap-&limit=100&offset=100");
    expect([rest.json["secrets"].length, rest.json["count"]]).toEqual([1, 101]);
  });

  it("answers an unknown path with 404 and tells the operator", async () => {
    expect((await call("GET", "/v1/unheard-of")).status).toBe(404);
    expect(lines).toContain("sandbox: koyeb does not imitate GET /v1/unheard-of");
  });
});

describe("secrets", () => {
  it("are created, found, updated and deleted, and their value is only ever revealed", async () => {
    const secret = await created("crud-a", "first");
    expect(secret).toMatchObject({
      name: "crud-a",
      type: "SIMPLE",
      organization_id: expect.any(String),
      project_id: "",
    });
    expect(JSON.stringify([secret, (await call("GET", `/v1/secrets/${secret["id"]}`)).json])).not.toContain("first");
    expect(await revealed(secret)).toBe("first");
    const before = secret["updated_at"] as string;
    const { json } = await call("PATCH", `/v1/secrets/${secret["id"]}`, { ...secret, value: "second" });
    expect(Date.parse(json["secret"]["updated_at"])).toBeGreaterThanOrEqual(Date.parse(before));
    expect(await revealed(secret)).toBe("second");
    expect(await call("DELETE", `/v1/secrets/${secret["id"]}`)).toEqual({ status: 200, json: {} });
    expect((await call("GET", `/v1/secrets/${secret["id"]}`)).status).toBe(404);
  });

  it("keep their value when an update does not name it, and take an empty one as it is", async () => {
    const secret = await created("mask-a");
    await call("PATCH", `/v1/secrets/${secret["id"]}?update_mask=name`, { name: "mask-b", value: "ignored" });
    expect([await revealed(secret), (await call("GET", `/v1/secrets/${secret["id"]}`)).json["secret"]["name"]]).toEqual(
      ["value", "mask-b"],
    );
    await call("PUT", `/v1/secrets/${secret["id"]}`, { value: "" });
    expect(await revealed(secret)).toBe("");
  });

  it("have a name of their own in the whole organisation", async () => {
    await created("unique");
    const { status, json } = await call("POST", "/v1/secrets", { name: "unique", type: "SIMPLE", value: "" });
    expect([status, json["fields"]]).toEqual([400, [{ field: "name", description: "already exists" }]]);
  });

  it("are listed in pages of ten, and a name is searched, not matched", async () => {
    for (let i = 0; i < 12; i++) await created(`page-${i}`);
    const first = (await call("GET", "/v1/secrets?name=page-")).json;
    expect([first["secrets"].length, first["limit"], first["offset"], first["count"]]).toEqual([10, 10, 0, 12]);
    const second = (await call("GET", "/v1/secrets?name=page-&offset=10&limit=100")).json;
    expect(second["secrets"].map((secret: Json) => secret["name"])).toEqual(["page-10", "page-11"]);
    const found = (await call("GET", "/v1/secrets?name=page-1")).json["secrets"].map((secret: Json) => secret["name"]);
    expect(found).toEqual(["page-1", "page-10", "page-11"]);
  });
});

describe("services", () => {
  it("carry uint64 versions as strings, and skip_build needs one build that succeeded", async () => {
    const { app } = (await call("POST", "/v1/apps", { name: "wire" })).json;
    const definition = { name: "wire", type: "WEB", env: [{ key: "A1", secret: "absent" }], docker: { image: "x" } };
    const { service } = (await call("POST", "/v1/services", { app_id: app["id"], definition })).json;
    expect(service).toMatchObject({
      status: "STARTING",
      version: expect.stringMatching(/^\d+$/),
      active_deployment_id: "",
    });
    await until(
      async () =>
        (await call("GET", `/v1/services/${service["id"]}`)).json["service"]["status"] === "UNHEALTHY" || null,
    );
    const refused = await call("POST", `/v1/services/${service["id"]}/redeploy`, { skip_build: true });
    expect([refused.status, refused.json["fields"][0]["field"]]).toEqual([400, "skip_build"]);
    const { deployments } = (await call("GET", `/v1/deployments?service_id=${service["id"]}`)).json;
    expect(deployments).toMatchObject([{ version: "1", status: "ERROR", definition }]);
    const { deployment } = (await call("GET", `/v1/deployments/${deployments[0]["id"]}`)).json;
    expect(deployment["skip_build"]).toBe(false);
  });

  it("are listed by type and region", async () => {
    const { app } = (await call("POST", "/v1/apps", { name: "kinds" })).json;
    const add = (name: string, type: string, regions: string[]) =>
      call("POST", "/v1/services", { app_id: app["id"], definition: { name, type, regions, docker: { image: "x" } } });
    await add("one", "WEB", ["fra"]);
    await add("two", "WORKER", ["was", "tyo"]);
    const names = async (query: string): Promise<string[]> =>
      (await call("GET", `/v1/services?app_id=${app["id"]}&${query}`)).json["services"].map(({ name }: Json) => name);
    expect(await names("types=WORKER")).toEqual(["two"]);
    expect(await names("types=WEB&types=WORKER")).toEqual(["one", "two"]);
    expect(await names("regions=tyo&regions=sin")).toEqual(["two"]);
  });

  it("are not changed by a part that nobody asked to change, nor is an app", async () => {
    const { app } = (await call("POST", "/v1/apps", { name: "masked" })).json;
    const renamed = async (mask: string): Promise<string> =>
      (await call("PATCH", `/v1/apps/${app["id"]}?update_mask=${mask}`, { name: "renamed" })).json["app"]["name"];
    expect([await renamed("life_cycle"), await renamed("name")]).toEqual(["masked", "renamed"]);
    const definition = { name: "masked", docker: { image: "x" } };
    const { service } = (await call("POST", "/v1/services", { app_id: app["id"], definition })).json;
    const path = `/v1/services/${service["id"]}`;
    expect((await call("PATCH", `${path}?update_mask=definition.env`, { definition })).status).toBe(404);
    expect((await call("POST", `${path}/resume?use_cache=true`)).status).toBe(404);
  });

  it("can be tried without being made", async () => {
    const { app } = (await call("POST", "/v1/apps", { name: "dry" })).json;
    const body = { app_id: app["id"], definition: { name: "dry" } };
    expect((await call("POST", "/v1/services?dry_run=true", body)).status).toBe(200);
    expect((await call("GET", `/v1/services?app_id=${app["id"]}`)).json).toMatchObject({
      services: [],
      count: 0,
      has_next: false,
    });
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Call, caller, FAKE_ORIGIN, fastContext, type Json, TOKENS } from "../../test/harness.ts";
import type { VendorContext } from "../vendor.ts";
import { type Fly, startFly } from "./fly.ts";

const NONCE = "fly-machine-lease-nonce";
let fly: Fly;
let call: Call;
let app: string;
let context: VendorContext;
let count = 0;
const lines: string[] = [];
beforeAll(async () => {
  context = fastContext({ lines });
  fly = await startFly(context, { program: FAKE_ORIGIN });
  call = caller(() => fly.url, TOKENS.fly);
});
afterAll(() => fly.close());
afterEach(() => void vi.useRealTimers());
beforeEach(async () => {
  context.timings = { ...context.timings, listLagMs: 0 };
  app = `app-${++count}`;
  expect((await call("POST", "/v1/apps?wait=true", { name: app, org_slug: "personal" })).status).toBe(201);
});

const secrets = (values: Json) => call("POST", `/v1/apps/${app}/secrets`, { values });
/** A Machine that does not run. */
const machine = async (extra: Json = {}): Promise<Json> =>
  (await call("POST", `/v1/apps/${app}/machines`, { config: { image: "x" }, skip_launch: true, ...extra })).json;

describe("the API", () => {
  it("tells the statuses of a missing token, a missing app, a foreign app and a taken name apart", async () => {
    fly.claimName("somebody-else");
    const stranger = caller(() => fly.url, "wrong");
    expect(await stranger("GET", `/v1/apps/${app}`)).toEqual({ status: 401, json: { error: expect.any(String) } });
    expect(await call("GET", "/v1/apps/absent")).toEqual({ status: 404, json: { error: expect.any(String) } });
    expect((await call("GET", "/v1/apps/somebody-else")).status).toBe(403);
    for (const name of [app, "somebody-else"])
      expect(await call("POST", "/v1/apps", { app_name: name, org_slug: "personal" })).toMatchObject({
        status: 422,
        json: { status: "name_taken" },
      });
  });

  it("has no silent answer to a parameter it lacks", async () => {
    const refused = { status: 404, json: { error: expect.stringContaining("imitated") } };
    for (const path of [
      `/v1/apps/${app}/machines/x/ps?order=asc`,
      `/v1/apps/${app}/secrets?show_secrets=true`,
      "/v1/apps?org_slug=personal&app_role=x",
    ])
      expect(await call("GET", path)).toMatchObject(refused);
    const { id } = await machine();
    const path = `/v1/apps/${app}/machines`;
    for (const more of [{ skip_secrets: true }, { skip_service_registration: true }])
      expect(await call("POST", path, { config: { image: "x" }, ...more })).toMatchObject(refused);
    for (const more of [{ skip_secrets: true }, { region: "fra" }, { name: "other" }, { lease_ttl: 30 }])
      expect(await call("POST", `${path}/${id}`, { config: { image: "x" }, ...more })).toMatchObject(refused);
    expect(await call("POST", `${path}/${id}/restart?force_stop=true`)).toMatchObject(refused);
  });

  it("takes both schemes of authorization, and describes an app", async () => {
    const macaroon = await fetch(`${fly.url}/v1/apps/${app}`, { headers: { authorization: `FlyV1 ${TOKENS.fly}` } });
    expect(await macaroon.json()).toMatchObject({ name: app, status: "pending", organization: { slug: "personal" } });
  });

  it("limits each action to three calls at once when it is told to, and counts Machines one by one", async () => {
    const one = await machine();
    const two = await machine();
    fly.limitRate(true);
    const lease = (target: Json) => call("GET", `/v1/apps/${app}/machines/${target["id"]}/lease`);
    const statuses = (await Promise.all(Array.from({ length: 4 }, () => lease(one)))).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([404, 404, 404, 429]);
    expect((await lease(two)).status).toBe(404);
    fly.limitRate(false);
    expect((await lease(one)).status).toBe(404);
  });

  it("answers an unknown path or question with 404 and tells the operator its name", async () => {
    expect((await call("GET", "/v1/platform/regions")).status).toBe(404);
    expect(
      (
        await call("POST", "/graphql", {
          query: "mutation($input: X!) { setSecrets(input: $input) { release { id } } }",
        })
      ).json["errors"],
    ).toHaveLength(1);
    expect(lines).toEqual(
      expect.arrayContaining([
        "sandbox: fly does not imitate GET /v1/platform/regions",
        "sandbox: fly does not imitate graphql setSecrets",
      ]),
    );
  });

  it("answers the questions that flyctl asks of GraphQL", async () => {
    const query = "query ($appName: String!) { appcompact:app(name: $appName) { id name deployed } }";
    const { json } = await call("POST", "/graphql", { query, variables: { appName: app } });
    expect(json).toMatchObject({
      data: { appcompact: { name: app, platformVersion: "machines", organization: { slug: "personal" } } },
    });
    const absent = await call("POST", "/graphql", { query, variables: { appName: "absent" } });
    expect(absent.json).toMatchObject({ data: { appcompact: null }, errors: [{ message: "Could not find App" }] });
  });

  it("lists apps and organizations, and gives and takes addresses, as flyctl does it", async () => {
    const ask = async (query: string, variables: Json = {}) =>
      (await call("POST", "/graphql", { query, variables })).json["data"];
    const apps = 'query($org: ID, $after: String) { apps(type: "container", first: 200) { nodes { id name } } }';
    expect(await ask(apps)).toMatchObject({
      apps: {
        pageInfo: { hasNextPage: false },
        nodes: expect.arrayContaining([expect.objectContaining({ name: app })]),
      },
    });
    const organizations = "query($admin: Boolean!) { organizations(admin: $admin) { nodes { id slug } } }";
    expect(await ask(organizations, { admin: false })).toMatchObject({
      organizations: { nodes: [{ slug: "personal" }] },
    });
    const allocate =
      "mutation($input: AllocateIPAddressInput!) { allocateIpAddress(input: $input) { ipAddress { id address } } }";
    const given = (await ask(allocate, { input: { appId: app, type: "v4", region: "" } })) as {
      readonly allocateIpAddress: { readonly ipAddress: { readonly address: string } };
    };
    const { address: ip } = given.allocateIpAddress.ipAddress;
    const listed = async () => (await call("GET", `/v1/apps/${app}/ip_assignments`)).json["ips"];
    expect(await listed()).toContainEqual(expect.objectContaining({ ip }));
    const release = "mutation($input: ReleaseIPAddressInput!) { releaseIpAddress(input: $input) { clientMutationId } }";
    expect(await ask(release, { input: { appId: app, ipAddressId: null, ip } })).toEqual({
      releaseIpAddress: { clientMutationId: null },
    });
    expect(await listed()).not.toContainEqual(expect.objectContaining({ ip }));
  });

  it("shows the releases that a deploy has logged in both APIs, the newest first: scaling asks for them", async () => {
    const query =
      "query($appName: String!, $limit: Int!) { app(name: $appName) { releases: releasesUnprocessed(first: $limit) { nodes { id version status imageRef user { email } } } } }";
    const asked = async (limit: number): Promise<unknown> =>
      (await call("POST", "/graphql", { query, variables: { appName: app, limit, status: "complete" } })).json["data"];
    expect(await asked(25)).toMatchObject({ app: { releases: { nodes: [] } } });
    for (const image of ["sandbox.local/origin:one", "sandbox.local/origin:two"]) {
      const { json } = await call("POST", "/api/v1/releases", {
        app_name: app,
        image,
        strategy: "rolling",
        definition: {},
      });
      await call("PATCH", `/api/v1/releases/${(json["release"] as Json)["id"] as string}`, { status: "complete" });
    }
    const newest = { version: 2, status: "complete", imageRef: "sandbox.local/origin:two" };
    expect(await asked(1)).toMatchObject({ app: { releases: { nodes: [newest] } } });
    expect((await call("GET", `/api/v1/apps/${app}/releases`)).json["releases"]).toHaveLength(2);
    expect((await call("GET", `/v1/apps/${app}/volumes`)).json).toEqual([]);
  });
});

describe("secrets", () => {
  it("are written in bulk: null deletes, others stay, and every write is one version of the app", async () => {
    expect(await secrets({ A: "one", B: "two" })).toMatchObject({ status: 200, json: { version: 1 } });
    expect((await secrets({ B: null, C: "three" })).json["version"]).toBe(2);
    const { json } = await call("GET", `/v1/apps/${app}/secrets`);
    for (const secret of json["secrets"])
      expect(Object.keys(secret)).toEqual(["name", "digest", "created_at", "updated_at"]);
    expect(json["secrets"].map((secret: Json) => secret["name"])).toEqual(["A", "C"]);
  });

  it("are listed late, and as new as min_version asks", async () => {
    await secrets({ A: "one" });
    const path = `/v1/apps/${app}/secrets`;
    context.timings = { ...context.timings, listLagMs: 60_000 };
    const names = async (query: string): Promise<string[]> =>
      (await call("GET", path + query)).json["secrets"].map((secret: Json) => secret["name"]);
    const { version } = (await secrets({ A: null, B: "two" })).json;
    expect(await names("")).toEqual([]);
    expect(await names("?min_version=1")).toEqual(["A"]);
    expect(await names(`?min_version=${version}`)).toEqual(["B"]);
    expect((await call("GET", `${path}/B`)).status).toBe(404);
    expect((await call("GET", `${path}/B?min_version=${version}`)).status).toBe(200);
    expect((await call("GET", `${path}?min_version=${version + 1}`)).status).toBe(400);
    expect((await call("DELETE", `${path}/B`)).status).toBe(200);
  });

  it("have a digest that changes with the value and only with it", async () => {
    const digests = async (): Promise<string[]> =>
      (await call("GET", `/v1/apps/${app}/secrets`)).json["secrets"].map((secret: Json) => secret["digest"]);
    await secrets({ A: "one", B: "one" });
    const first = await digests();
    await secrets({ A: "one", B: "other" });
    const second = await digests();
    expect([second[0] === first[0], second[1] === first[1]]).toEqual([true, false]);
  });

  it("are written, read and deleted one by one", async () => {
    const path = `/v1/apps/${app}/secrets/GATEWAY_SECRET_A`;
    expect(await call("POST", path, { value: "v" })).toMatchObject({
      status: 201,
      json: { name: "GATEWAY_SECRET_A", version: 1 },
    });
    expect((await call("GET", path)).json).toMatchObject({
      name: "GATEWAY_SECRET_A",
      digest: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(await call("DELETE", path)).toEqual({ status: 200, json: { version: 2 } });
    expect((await call("GET", path)).status).toBe(404);
    expect((await secrets({ "not-a-name": "v" })).status).toBe(422);
  });
});

describe("a lease", () => {
  it("is held by one caller: everybody else is refused until it is released", async () => {
    const { id } = await machine();
    const path = `/v1/apps/${app}/machines/${id}`;
    const { status, json } = await call("POST", `${path}/lease`, { ttl: 30, description: "rotation" });
    expect({ status, json }).toMatchObject({
      status: 201,
      json: { status: "success", data: { description: "rotation", owner: expect.any(String) } },
    });
    const { nonce } = json["data"];
    expect((await call("POST", `${path}/lease`, { ttl: 30 })).status).toBe(409);
    expect((await call("POST", `${path}/lease`, { ttl: 60 }, { [NONCE]: nonce })).status).toBe(201);
    const update = (headers: Record<string, string>) => call("POST", path, { config: { image: "x" } }, headers);
    expect([(await update({})).status, (await update({ [NONCE]: "wrong" })).status]).toEqual([409, 409]);
    expect((await call("POST", `${path}/start`)).status).toBe(409);
    expect((await update({ [NONCE]: nonce })).status).toBe(200);
    expect((await call("GET", `${path}/lease`)).json["data"]["nonce"]).toBe(nonce);
    expect((await call("DELETE", `${path}/lease`)).status).toBe(409);
    expect((await call("DELETE", `${path}/lease`, undefined, { [NONCE]: nonce })).json).toEqual({
      status: "success",
      data: { ok: true },
    });
    expect((await update({})).status).toBe(200);
  });

  it("is seen by everybody who asks for it, without its nonce", async () => {
    const { id } = await machine({ lease_ttl: 60 });
    const path = `/v1/apps/${app}/machines`;
    const shown = { description: "", expires_at: expect.any(Number), owner: expect.any(String) };
    expect((await call("GET", `${path}/${id}?include_leases=true`)).json["lease"]).toEqual(shown);
    const { json } = await call("GET", `${path}?include_leases=true`);
    expect((json as unknown as Json[])[0]?.["lease"]).toEqual(shown);
    expect((await call("GET", `${path}/${id}`)).json).not.toHaveProperty("lease");
  });

  it("ends by itself, and its nonce with it", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { id, nonce } = await machine({ lease_ttl: 1 });
    const path = `/v1/apps/${app}/machines/${id}`;
    expect((await call("POST", path, { config: { image: "x" } })).status).toBe(409);
    vi.setSystemTime(Date.now() + 1_050);
    expect((await call("GET", `${path}/lease`)).status).toBe(404);
    expect((await call("POST", path, { config: { image: "x" } }, { [NONCE]: nonce })).status).toBe(409);
    expect((await call("POST", path, { config: { image: "x" } })).status).toBe(200);
  });
});

describe("a Machine on the wire", () => {
  it("has the fields that the vendor's clients read", async () => {
    const made = await machine({
      name: "first",
      region: "nrt",
      config: { image: "registry.fly.io/app:v1", metadata: { a: "b" } },
    });
    expect(made).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{14}$/),
      name: "first",
      state: "created",
      region: "nrt",
      instance_id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
      image_ref: { registry: "registry.fly.io", repository: "app", tag: "v1" },
      config: { image: "registry.fly.io/app:v1", metadata: { a: "b" } },
      events: [{ type: "launch", status: "created" }],
      checks: [],
    });
    expect((await machine({ name: "first" }))["error"]).toContain("already_exists");
  });

  it("is short in a summary", async () => {
    const { id } = await machine();
    const [short] = (await call("GET", `/v1/apps/${app}/machines?summary=true`)).json as unknown as Json[];
    expect(short).toMatchObject({ id, state: "created" });
    for (const detail of ["config", "checks", "events", "host_status"]) expect(short).not.toHaveProperty(detail);
  });

  it("is in a list later than it is there, and read at once by its id", async () => {
    context.timings = { ...context.timings, listLagMs: 60_000 };
    const { id } = await machine();
    expect((await call("GET", `/v1/apps/${app}/machines`)).json).toEqual([]);
    expect((await call("GET", `/v1/apps/${app}/machines/${id}`)).json["id"]).toBe(id);
    context.timings = { ...context.timings, listLagMs: 0 };
    expect((await call("GET", `/v1/apps/${app}/machines?state=created,started`)).json).toMatchObject([{ id }]);
    expect((await call("GET", `/v1/apps/${app}/machines?state=started`)).json).toEqual([]);
    expect((await call("GET", `/v1/apps/${app}/machines?region=fra`)).json).toEqual([]);
  });

  it("is updated only from the version that the caller saw", async () => {
    const { id, instance_id } = await machine();
    const update = (current_version: string) =>
      call("POST", `/v1/apps/${app}/machines/${id}`, { config: { image: "x" }, current_version });
    const { status, json } = await update(instance_id);
    expect(status).toBe(200);
    expect(json["instance_id"]).not.toBe(instance_id);
    expect((await update(instance_id)).status).toBe(412);
  });

  it("is stopped and restarted only by a signal and in a time that there are", async () => {
    const { id } = await machine();
    const path = `/v1/apps/${app}/machines/${id}`;
    for (const body of [{ signal: "SIGSEGV" }, { timeout: "soon" }])
      expect((await call("POST", `${path}/stop`, body)).status).toBe(422);
    for (const query of ["signal=SIGSEGV", "timeout=soon"])
      expect((await call("POST", `${path}/restart?${query}`)).status).toBe(400);
    expect((await call("POST", `${path}/stop`, { signal: "SIGTERM", timeout: "30s" })).status).toBe(412);
    expect((await call("POST", `${path}/restart?signal=SIGTERM&timeout=30`)).status).toBe(412);
  });

  it("can be waited for by either name of its version, with limits the vendor has", async () => {
    const { id, instance_id } = await machine();
    const wait = async (query: string): Promise<number> =>
      (await call("GET", `/v1/apps/${app}/machines/${id}/wait?${query}`)).status;
    expect(await wait("state=stopped&timeout=1")).toBe(400);
    expect(await wait("state=asleep&timeout=1")).toBe(400);
    expect([await wait("timeout=0"), await wait("timeout=61")]).toEqual([400, 400]);
    expect(await wait("state=settled&timeout=5")).toBe(200);
    const late = await Promise.all([wait("state=started&timeout=1"), wait("state=failed&timeout=1")]);
    expect(late).toEqual([408, 408]);
    await call("DELETE", `/v1/apps/${app}/machines/${id}?force=true`);
    expect(await wait(`state=stopped&state=destroyed&version=${instance_id}&timeout=5`)).toBe(200);
    expect(await wait(`state=started,destroyed&version=${instance_id}&timeout=5`)).toBe(200);
    expect(await wait(`state=destroyed&instance_id=01OLDVERSION&timeout=1`)).toBe(408);
  });
});

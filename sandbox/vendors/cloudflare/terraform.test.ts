/** The calls of the Cloudflare provider for Terraform, in the shapes in which it makes and reads them. */
import { describe, expect, it } from "vitest";
import { apiKit, workerSource } from "./test/emulator.ts";

const kit = apiKit();
const zone = `/zones/${kit.account.zone.id}`;
const missing = { status: 404 };

/** `workers_script` sends metadata without a file name and the code as a file. */
function providerUpload(metadata: object): FormData {
  const form = new FormData();
  form.set("index.js", new File([workerSource()], "index.js", { type: "application/javascript+module" }));
  form.set("metadata", new Blob([JSON.stringify(metadata)], { type: "application/json" }));
  return form;
}

describe("workers_script", () => {
  it("is uploaded with kept secrets and read back from services, settings and content", async () => {
    const { result: kv } = await kit.call<{ id: string }>("POST", "storage/kv/namespaces", { title: "tf" });
    const metadata = {
      main_module: "index.js",
      compatibility_date: "2026-06-01",
      keep_bindings: ["secret_text"],
      bindings: [
        { name: "KV", type: "kv_namespace", namespace_id: kv.id },
        { name: "COUNTER", type: "durable_object_namespace", class_name: "Counter" },
        { name: "RL", type: "ratelimit", namespace_id: "1001", simple: { limit: 10, period: 60 } },
        { name: "CONFIG", type: "plain_text", text: "{}" },
      ],
      observability: { enabled: true },
    };
    const first = await kit.call(
      "PUT",
      "workers/scripts/tf",
      providerUpload({ ...metadata, migrations: { new_tag: "v1", new_sqlite_classes: ["Counter"] } }),
    );
    expect(first).toMatchObject({
      status: 200,
      result: { id: "tf", has_modules: true, migration_tag: "v1", etag: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    await kit.call("PUT", "workers/scripts/tf/secrets", { name: "SECRET", text: "s", type: "secret_text" });
    expect((await kit.call("PUT", "workers/scripts/tf", providerUpload(metadata))).status).toBe(200);
    expect((await kit.call("GET", "workers/scripts/tf/secrets")).result).toEqual([
      { name: "SECRET", type: "secret_text" },
    ]);

    expect((await kit.call("GET", "workers/services/tf")).result).toMatchObject({
      default_environment: {
        script: {
          id: "tf",
          has_assets: false,
          has_modules: true,
          migration_tag: "v1",
          handlers: expect.arrayContaining(["fetch"]),
        },
      },
    });
    expect((await kit.call("GET", "workers/scripts/tf/settings")).result).toMatchObject({
      bindings: [...metadata.bindings, { name: "SECRET", type: "secret_text" }],
      observability: { enabled: true },
      compatibility_date: "2026-06-01",
      usage_model: "standard",
    });
    const content = await kit.call("GET", "workers/scripts/tf/content/v2");
    const form = await new Response(content.text, {
      headers: { "content-type": content.headers.get("content-type") ?? "" },
    }).formData();
    const [part] = [...form.values()];
    expect(part instanceof File && (await part.text())).toBe(workerSource());
  });

  it("is gone after it was destroyed", async () => {
    await kit.put("destroyed", { bindings: [] });
    expect((await kit.call("DELETE", "workers/scripts/destroyed")).status).toBe(200);
    expect(await kit.call("GET", "workers/services/destroyed")).toMatchObject({ status: 404, code: 10007 });
  });
});

describe("resources beside the script", () => {
  it("workers_kv_namespace: made, renamed, read, removed", async () => {
    const made = await kit.call<{ id: string }>("POST", "storage/kv/namespaces", { title: "one" });
    const path = `storage/kv/namespaces/${made.result.id}`;
    expect(made.result).toEqual({ id: made.result.id, title: "one", supports_url_encoding: true });
    expect((await kit.call("PUT", path, { title: "two" })).result).toMatchObject({ title: "two" });
    expect((await kit.call("GET", path)).result).toMatchObject({ title: "two" });
    expect((await kit.call("DELETE", path)).status).toBe(200);
    expect(await kit.call("GET", path)).toMatchObject(missing);
  });

  it("workers_script_subdomain and workers_cron_trigger", async () => {
    await kit.put("extras", { bindings: [] });
    const path = "workers/scripts/extras";
    expect((await kit.call("POST", `${path}/subdomain`, { enabled: true })).result).toEqual({
      enabled: true,
      previews_enabled: false,
    });
    expect((await kit.call("DELETE", `${path}/subdomain`)).status).toBe(200);
    expect((await kit.call("GET", `${path}/subdomain`)).result).toEqual({ enabled: false, previews_enabled: false });
    const schedules = [{ cron: "* * * * *", created_on: expect.any(String), modified_on: expect.any(String) }];
    expect((await kit.call("PUT", `${path}/schedules`, [{ cron: "* * * * *" }])).result).toEqual({ schedules });
    expect((await kit.call("GET", `${path}/schedules`)).result).toEqual({ schedules });
    expect((await kit.call("PUT", `${path}/schedules`, [{ cron: "every minute" }])).status).toBe(400);
  });

  it("workers_route: for a Worker that exists, one per pattern", async () => {
    await kit.put("routed", { bindings: [] });
    const all = `${zone}/workers/routes`;
    const made = await kit.call<{ id: string }>("POST", all, { pattern: "mcp.sandbox.test/*", script: "routed" });
    expect(made.status).toBe(200);
    expect(await kit.call("POST", all, { pattern: "mcp.sandbox.test/*", script: "routed" })).toMatchObject({
      status: 409,
      code: 10020,
    });
    expect(await kit.call("POST", all, { pattern: "x.sandbox.test/*", script: "nobody" })).toMatchObject({
      status: 404,
      code: 10007,
    });
    expect(
      (await kit.call("PUT", `${all}/${made.result.id}`, { pattern: "new.sandbox.test/*", script: "routed" })).status,
    ).toBe(200);
    expect((await kit.call("GET", `${all}/${made.result.id}`)).result).toMatchObject({ pattern: "new.sandbox.test/*" });
    expect((await kit.call("DELETE", `${all}/${made.result.id}`)).status).toBe(200);
    expect(await kit.call("GET", `${all}/${made.result.id}`)).toMatchObject(missing);
  });

  it("workers_custom_domain: inside the zone, for a Worker that exists", async () => {
    await kit.put("named", { bindings: [] });
    const domain = { hostname: "mcp.sandbox.test", service: "named", zone_id: kit.account.zone.id };
    const made = await kit.call<{ id: string }>("PUT", "workers/domains", domain);
    expect(made.result).toMatchObject({ ...domain, zone_name: "sandbox.test", environment: "production" });
    expect((await kit.call<{ id: string }>("PUT", "workers/domains", domain)).result.id).toBe(made.result.id);
    expect((await kit.call("PUT", "workers/domains", { ...domain, hostname: "mcp.elsewhere.test" })).status).toBe(400);
    expect(await kit.call("PUT", "workers/domains", { ...domain, service: "nobody" })).toMatchObject({ code: 10007 });
    expect((await kit.call("DELETE", `workers/domains/${made.result.id}`)).status).toBe(200);
    expect(await kit.call("GET", `workers/domains/${made.result.id}`)).toMatchObject(missing);
  });
});

describe("the zone", () => {
  it("is found by name and account, and by nothing else", async () => {
    const find = async (query: string) => (await kit.call<object[]>("GET", `/zones?${query}`)).result;
    expect(await find("name=sandbox.test")).toMatchObject([{ id: kit.account.zone.id, name: "sandbox.test" }]);
    expect(await find("name=other.test")).toEqual([]);
    expect(await find(`name=sandbox.test&account.id=${"f".repeat(32)}`)).toEqual([]);
    expect(await kit.call("GET", `/zones/${"f".repeat(32)}/settings/ssl`)).toMatchObject({ status: 403 });
  });

  it.each([
    ["always_use_https", "on", "yes"],
    ["min_tls_version", "1.2", "1.4"],
    ["ssl", "strict", "on"],
    ["security_header", { strict_transport_security: { enabled: true, max_age: 63_072_000 } }, "on"],
  ])("zone_setting %s takes what the API takes", async (name, good, bad) => {
    const path = `${zone}/settings/${name}`;
    expect((await kit.call("GET", path)).result).toMatchObject({ id: name, editable: true });
    expect((await kit.call("PATCH", path, { value: good })).result).toMatchObject({
      id: name,
      value: good,
      modified_on: expect.any(String),
    });
    expect(await kit.call("PATCH", path, { value: bad })).toMatchObject({ status: 400, code: 1007 });
    expect((await kit.call("GET", path)).result).toMatchObject({ value: good });
  });

  it("does not know a setting that is not imitated", async () => {
    expect(await kit.call("GET", `${zone}/settings/nonsense`)).toMatchObject({ status: 400, code: 1006 });
    expect(await kit.call("GET", `${zone}/settings/constructor`)).toMatchObject({ status: 400, code: 1006 });
  });

  it("holds one ruleset per phase, within the free plan", async () => {
    const all = `${zone}/rulesets`;
    const rule = {
      ref: "flood",
      action: "block",
      expression: "true",
      ratelimit: {
        characteristics: ["ip.src", "cf.colo.id"],
        period: 10,
        requests_per_period: 100,
        mitigation_timeout: 10,
      },
    };
    const body = { name: "flood", kind: "zone", phase: "http_ratelimit", rules: [rule] };
    const slow = { ...rule, ratelimit: { ...rule.ratelimit, period: 60 } };
    expect(await kit.call("POST", all, { ...body, rules: [slow] })).toMatchObject({ status: 400, code: 20120 });
    expect(await kit.call("POST", all, { ...body, rules: [rule, rule] })).toMatchObject({ status: 400, code: 20217 });
    const made = await kit.call<{ id: string; rules: { id: string }[] }>("POST", all, body);
    expect(made).toMatchObject({
      status: 200,
      result: { version: "1", rules: [{ ...rule, enabled: true, version: "1" }] },
    });
    expect(await kit.call("POST", all, body)).toMatchObject({ status: 400, code: 20217 });
    const one = `${all}/${made.result.id}`;
    const changed = await kit.call<{ rules: { id: string }[] }>("PUT", one, { rules: [{ ...rule, enabled: false }] });
    expect(changed.result).toMatchObject({
      version: "2",
      rules: [{ id: made.result.rules[0]?.id, enabled: false, version: "2" }],
    });
    expect((await kit.call("GET", `${all}/phases/http_ratelimit/entrypoint`)).result).toMatchObject({
      id: made.result.id,
    });
    expect((await kit.call("DELETE", one)).status).toBe(204);
    expect(await kit.call("GET", one)).toMatchObject(missing);
  });

  it.each<[string, boolean]>([
    ['(http.request.uri.path eq "/mcp")', true],
    ['(http.request.uri.path in {"/http.host" "/b"} and not cf.client.bot)', true],
    ['(http.host eq "mcp.sandbox.test")', false],
    ['(http.request.uri.path eq "/mcp" and http.request.method eq "POST")', false],
    ['(ip.src.country eq "JP")', false],
  ])("counts requests by path and verified bots only, as the free plan does: %s", async (expression, allowed) => {
    const ratelimit = {
      characteristics: ["ip.src", "cf.colo.id"],
      period: 10,
      requests_per_period: 100,
      mitigation_timeout: 10,
    };
    const rules = [{ action: "block", expression, ratelimit }];
    const made = await kit.call<{ id: string }>("POST", `${zone}/rulesets`, {
      name: "flood",
      kind: "zone",
      phase: "http_ratelimit",
      rules,
    });
    expect(made).toMatchObject(allowed ? { status: 200 } : { status: 400, code: 20127 });
    if (allowed) await kit.call("DELETE", `${zone}/rulesets/${made.result.id}`);
  });

  it("refuses rules of a plan that it does not have", async () => {
    const rule = { action: "block", expression: 'http.host matches "x"' };
    const body = { name: "waf", kind: "zone", phase: "http_request_firewall_custom", rules: [rule] };
    expect(await kit.call("POST", `${zone}/rulesets`, body)).toMatchObject({ status: 400, code: 20127 });
    const six = Array.from({ length: 6 }, () => ({ action: "block", expression: "false" }));
    expect(await kit.call("POST", `${zone}/rulesets`, { ...body, rules: six })).toMatchObject({
      status: 400,
      code: 20217,
    });
  });
});

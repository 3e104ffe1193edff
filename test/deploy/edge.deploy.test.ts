/**
 * The gateway's stack in the shape that it has in production: an environment of one's own with a hostname in a zone, against the
 * sandbox's Cloudflare, through the stand-in for the vendor's provider. What the zone and the hostname are afterwards is asked of the
 * API, not of Terraform.
 */
import { describe, expect, it } from "vitest";
import { SANDBOX_NAMES } from "../../contract/sandbox.ts";
import type { Installation } from "./installation.ts";
import { done, opened, openedWithFirst, production, TIMEOUT_MS, withDomain } from "./operator.ts";
import { CLIS, type DeployCli, ENGINES } from "./tools.ts";

const STACK = "base-edge";
const ACCOUNT = `/accounts/${SANDBOX_NAMES.accountId}`;
const DESTROYABLE = { MCPIST_ALLOW_DESTROY: "1" };
const HSTS = { enabled: true, max_age: 63_072_000, include_subdomains: false, preload: false, nosniff: true };
const SCRIPT = `${ACCOUNT}/workers/scripts/${SANDBOX_NAMES.worker}`;

/** Asks the sandbox's Cloudflare, as its operator would. @returns `result`; the status of a refusal. */
async function ask(
  { sandbox }: Installation,
  path: string,
  method = "GET",
  body?: object,
  type = "application/json",
): Promise<unknown> {
  const headers = { authorization: `Bearer ${sandbox.context.tokens.cloudflare}`, "content-type": type };
  const response = await fetch(sandbox.urls.cloudflare + path, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return response.ok ? ((await response.json()) as { readonly result: unknown }).result : response.status;
}

/** Path of the one zone. */
async function zonePath(installation: Installation): Promise<string> {
  const [zone] = (await ask(installation, `/zones?name=${SANDBOX_NAMES.zone}`)) as readonly { readonly id: string }[];
  return `/zones/${zone?.id}`;
}

/** Settings of the zone, by name. */
async function settingsOf(installation: Installation): Promise<Readonly<Record<string, unknown>>> {
  const all = (await ask(installation, `${await zonePath(installation)}/settings`)) as readonly {
    readonly id: string;
    readonly value: unknown;
  }[];
  return Object.fromEntries(all.map(({ id, value }) => [id, value]));
}

const entrypoint = async (installation: Installation, phase: string): Promise<unknown> =>
  ask(installation, `${await zonePath(installation)}/rulesets/phases/${phase}/entrypoint`);

describe.skipIf(ENGINES.length === 0 || CLIS.length === 0)("the gateway's stack in production's shape", () => {
  it.each(ENGINES.map((engine) => [engine.name, engine] as const))(
    "%s protects the zone, publishes the hostname, changes nothing the second time, and takes down what can be taken down",
    { timeout: TIMEOUT_MS },
    async (_name, engine) => {
      await opened(engine, CLIS[0] as DeployCli, async (installation) => {
        production(installation);
        done(await installation.deploy([STACK]), "deploy");
        expect(await settingsOf(installation)).toMatchObject({
          always_use_https: "on",
          min_tls_version: "1.2",
          ssl: "strict",
          tls_1_3: "on",
          security_header: {
            strict_transport_security: {
              enabled: true,
              max_age: 63_072_000,
              include_subdomains: false,
              preload: false,
              nosniff: true,
            },
          },
        });
        expect(await entrypoint(installation, "http_request_firewall_custom")).toMatchObject({
          name: "mcpist gateway",
          rules: [
            {
              ref: "mcpist_methods",
              action: "block",
              enabled: true,
              expression: expect.stringContaining("mcp.sandbox.test"),
            },
          ],
        });
        expect(await entrypoint(installation, "http_ratelimit")).toMatchObject({
          rules: [
            { ref: "mcpist_flood", action: "block", enabled: true, ratelimit: { period: 10, mitigation_timeout: 10 } },
          ],
        });
        expect(await ask(installation, `${ACCOUNT}/workers/domains`)).toMatchObject([
          { hostname: "mcp.sandbox.test", service: SANDBOX_NAMES.worker, zone_name: SANDBOX_NAMES.zone },
        ]);
        expect(await ask(installation, `${SCRIPT}/subdomain`)).toEqual({ enabled: false, previews_enabled: false });

        done(await installation.apply([STACK]), "deploy again");
        expect(await installation.plan(STACK)).toBe("nothing");
        expect(await installation.checkStates([STACK])).toMatchObject({ exitCode: 0 });

        expect((await installation.destroy([STACK])).output).toContain("prevent_destroy");
        expect(await ask(installation, `${ACCOUNT}/workers/domains`)).toMatchObject([{ hostname: "mcp.sandbox.test" }]);
        done(await installation.destroy([STACK], DESTROYABLE), "destroy");
        expect(await ask(installation, `${ACCOUNT}/storage/kv/namespaces`)).toEqual([]);
        expect(await ask(installation, `${ACCOUNT}/workers/domains`)).toEqual([]);
        expect(await ask(installation, `${ACCOUNT}/workers/scripts`)).toEqual([]);
        expect(await ask(installation, `${await zonePath(installation)}/rulesets`)).toEqual([]);
        // The provider cannot know what the floor was before, and leaves it.
        expect(await settingsOf(installation)).toMatchObject({ min_tls_version: "1.2", always_use_https: "on" });
      });
    },
  );

  it(
    "sees what was changed in the zone by hand, and puts it back; HSTS whole or not at all",
    { timeout: TIMEOUT_MS },
    async () => {
      await openedWithFirst(async (installation) => {
        production(installation);
        done(await installation.apply([STACK]), "deploy");
        const zone = await zonePath(installation);
        await ask(installation, `${zone}/settings/min_tls_version`, "PATCH", { value: "1.0" });
        await ask(installation, `${zone}/settings/security_header`, "PATCH", {
          value: {
            strict_transport_security: {
              enabled: false,
              max_age: 0,
              include_subdomains: false,
              preload: false,
              nosniff: false,
            },
          },
        });
        const { id } = (await entrypoint(installation, "http_ratelimit")) as { readonly id: string };
        await ask(installation, `${zone}/rulesets/${id}`, "PUT", { rules: [] });
        const plan = await installation.plan(STACK);
        for (const address of ["min-tls-version", "flood"])
          expect(plan).toMatch(new RegExp(`${address} +will be updated`));
        // The provider would send the part that differs; no plan touches it, the scheduled check finds it.
        expect(plan).not.toMatch(/(always-use-https|security-header) +will be/);
        done(await installation.apply([STACK]), "deploy over the rest");
        expect(await installation.plan(STACK)).toBe("nothing");
        const found = await installation.drift();
        expect(found.stdout).toMatch(/^production-base-edge +violates$/m);
        expect(found.output).toMatch(/its zone does not set security_header as it must/);

        // One member alone is no violation, and found as well.
        await ask(installation, `${zone}/settings/security_header`, "PATCH", {
          value: { strict_transport_security: { ...HSTS, preload: true } },
        });
        expect((await installation.drift()).output).toContain("HSTS of the zone has another preload");
        done(await installation.forget(STACK, ["cloudflare_zone_setting.security-header"]), "forget the setting");
        done(await installation.apply([STACK]), "put it back");
        expect(await installation.plan(STACK)).toBe("nothing");
        expect(await settingsOf(installation)).toMatchObject({
          min_tls_version: "1.2",
          security_header: { strict_transport_security: HSTS },
        });
        expect(await entrypoint(installation, "http_ratelimit")).toMatchObject({ rules: [{ ref: "mcpist_flood" }] });
      });
    },
  );

  it(
    "a binding that was removed by hand is in no plan, but found by the scheduled check",
    { timeout: TIMEOUT_MS },
    async () => {
      await openedWithFirst(async (installation) => {
        production(installation);
        done(await installation.apply([STACK]), "deploy");
        expect((await installation.drift()).stdout).toMatch(/^production-base-edge +unchanged$/m);
        const latest = `${ACCOUNT}/workers/workers/${SANDBOX_NAMES.worker}/versions/latest`;
        const config = { type: "plain_text", text: "{}" };
        await ask(
          installation,
          latest,
          "PATCH",
          { env: { KV: null, MCPIST_CONFIG: config } },
          "application/merge-patch+json",
        );
        expect(await installation.plan(STACK)).toBe("nothing");
        const found = await installation.drift();
        expect(found.exitCode).toBe(3);
        expect(found.stdout).toMatch(/^production-base-edge +drifted$/m);
        expect(found.output).toContain("binding KV is missing");
        expect(found.output).toContain("binding MCPIST_CONFIG has another text");

        // A route comes before a hostname, and one without a script takes the Worker away.
        const routes = `${await zonePath(installation)}/workers/routes`;
        const pattern = "*sandbox.test/*";
        const { id } = (await ask(installation, routes, "POST", { pattern })) as { readonly id: string };
        expect((await installation.drift()).output).toContain(
          `Worker ${SANDBOX_NAMES.worker}: route ${pattern} is in no plan`,
        );
        await ask(installation, `${routes}/${id}`, "DELETE");

        done(
          await installation.forget(STACK, ["cloudflare_workers_script.worker", "terraform_data.upload"]),
          "forget the Worker",
        );
        done(await installation.apply([STACK]), "deploy it whole");
        expect((await installation.drift()).stdout).toMatch(/^production-base-edge +unchanged$/m);
      });
    },
  );

  it(
    "a hostname and a namespace that were taken away by hand are in the plan, and a deploy makes both again",
    { timeout: TIMEOUT_MS },
    async () => {
      await openedWithFirst(async (installation) => {
        production(installation);
        done(await installation.apply([STACK]), "deploy");
        const [namespaces, domains] = [`${ACCOUNT}/storage/kv/namespaces`, `${ACCOUNT}/workers/domains`];
        for (const path of [namespaces, domains]) {
          const [only] = (await ask(installation, path)) as readonly { readonly id: string }[];
          await ask(installation, `${path}/${only?.id}`, "DELETE");
          expect(await ask(installation, path)).toEqual([]);
        }
        const plan = await installation.plan(STACK);
        for (const change of ["custom_domain.hostname will be created", "kv_namespace.kv will be created"])
          expect(plan).toContain(`cloudflare_workers_${change}`);
        // It was bound to the namespace that is gone.
        expect(plan).toContain("cloudflare_workers_script.worker will be updated in-place");
        const found = await installation.drift();
        expect(found.exitCode).toBe(3);
        expect(found.stdout).toMatch(/^production-base-edge +drifted$/m);

        done(await installation.apply([STACK]), "deploy over it");
        expect(await installation.plan(STACK)).toBe("nothing");
        expect((await installation.drift()).stdout).toMatch(/^production-base-edge +unchanged$/m);
        expect(await ask(installation, domains)).toMatchObject([{ hostname: "mcp.sandbox.test" }]);
        expect(await ask(installation, namespaces)).toMatchObject([{ title: SANDBOX_NAMES.worker }]);
      });
    },
  );

  it("a second environment in the zone leaves its protection alone", { timeout: TIMEOUT_MS }, async () => {
    await openedWithFirst(async (installation) => {
      production(installation);
      done(await installation.apply([STACK]), "deploy production");
      const rulesets = await ask(installation, `${await zonePath(installation)}/rulesets`);
      const names = { worker: "mcpist-staging", hostname: "staging.sandbox.test", zoneProtection: false };
      installation.configure("staging", withDomain(installation, {}, names));
      done(await installation.apply([STACK]), "deploy staging");
      expect(await installation.plan(STACK)).toBe("nothing");
      expect(await installation.checkStates([STACK])).toMatchObject({ exitCode: 0 });
      expect(await ask(installation, `${ACCOUNT}/workers/domains`)).toMatchObject([
        { hostname: "mcp.sandbox.test", service: SANDBOX_NAMES.worker },
        { hostname: "staging.sandbox.test", service: "mcpist-staging" },
      ]);
      done(await installation.destroy([STACK], DESTROYABLE), "destroy staging");
      expect(await ask(installation, `${await zonePath(installation)}/rulesets`)).toEqual(rulesets);
    });
  });

  it("publishes no hostname while the zone takes no protection", { timeout: TIMEOUT_MS }, async () => {
    await openedWithFirst(async (installation) => {
      production(installation);
      const effect = { kind: "status", when: "before", status: 403 } as const;
      installation.sandbox.faults.add({
        vendor: "cloudflare",
        method: "PATCH",
        path: "/settings/min_tls_version$",
        effect,
        times: 1,
      });
      expect((await installation.apply([STACK])).exitCode).not.toBe(0);
      expect(await ask(installation, `${ACCOUNT}/workers/domains`)).toEqual([]);
      done(await installation.apply([STACK]), "deploy again");
      expect(await ask(installation, `${ACCOUNT}/workers/domains`)).toMatchObject([{ hostname: "mcp.sandbox.test" }]);
    });
  });

  it("makes nothing when the zone belongs to somebody else", { timeout: TIMEOUT_MS }, async () => {
    await openedWithFirst(async (installation) => {
      production(installation, {}, { zone: "elsewhere.test", hostname: "mcp.elsewhere.test" });
      const refused = await installation.apply([STACK]);
      expect(refused.exitCode).not.toBe(0);
      expect(refused.output).toContain("exactly one");
      expect(await ask(installation, `${ACCOUNT}/workers/scripts`)).toEqual([]);
      expect(await ask(installation, `${ACCOUNT}/storage/kv/namespaces`)).toEqual([]);
    });
  });
});

/** Day two: what somebody changed by hand, deploys that a vendor breaks. Deploys around rotations are in ./rotations.deploy.test.ts. */
import { describe, expect, it } from "vitest";
import { SANDBOX_NAMES } from "../../contract/sandbox.ts";
import { listAt, objectAt, vendorClient } from "../../sandbox/client.ts";
import type { FaultRule } from "../../sandbox/vendors/faults.ts";
import { ALL, BASE, done, fillSecrets, liveKid, NOTHING, openedWithFirst, TIMEOUT_MS } from "./operator.ts";
import { sharedService } from "./shared.ts";
import { CLIS, ENGINES } from "./tools.ts";

const EDGE = ["base-edge"];

const once = (rule: Omit<FaultRule, "times">): FaultRule => ({ ...rule, times: 1 });

describe.skipIf(ENGINES.length === 0 || CLIS.length === 0)("day two", () => {
  const shared = sharedService();

  it(
    "a change that someone made by hand is found by the scheduled check, and taken back by a deploy",
    { timeout: TIMEOUT_MS },
    async () => {
      const installation = shared();
      done(await installation.drift(), "drift check");
      const { urls, context } = installation.sandbox;
      const script = `${urls.cloudflare}/accounts/${SANDBOX_NAMES.accountId}/workers/scripts/${SANDBOX_NAMES.worker}`;
      const headers = { authorization: `Bearer ${context.tokens.cloudflare}`, "content-type": "application/json" };
      await fetch(`${script}/subdomain`, {
        method: "POST",
        headers,
        body: JSON.stringify({ enabled: true, previews_enabled: true }),
      });
      const found = await installation.drift();
      expect(found.exitCode).toBe(3);
      expect(found.stdout).toMatch(/^sandbox-base-edge +drifted$/m);
      expect(found.stdout).toMatch(/^sandbox-service-fly +unchanged$/m);
      // Drift does not keep the secrets from being looked at.
      expect(found.output).toContain("is the only secret");
      done(await installation.apply(EDGE), "deploy over it");
      done(await installation.drift(), "drift check");

      // What no plan shows: the providers read neither a service's definition nor a Machine's configuration back.
      const call = vendorClient(urls, context.tokens);
      const [service] = listAt(await call("koyeb", "GET", "/v1/services"), "services");
      const servicePath = `/v1/services/${String(service?.["id"])}`;
      const latest = `/v1/deployments?service_id=${String(service?.["id"])}&limit=1`;
      const [deployment] = listAt(await call("koyeb", "GET", latest), "deployments");
      const meant = objectAt(deployment ?? null, "definition");
      const machines = `/v1/apps/${SANDBOX_NAMES.flyApp}/machines`;
      const machine = listAt(await call("fly", "GET", machines), "items").find(
        ({ name }) => name === `${SANDBOX_NAMES.flyApp}-1`,
      );
      const machinePath = `${machines}/${String(machine?.["id"])}`;
      const config = objectAt(machine ?? null, "config");
      await call("koyeb", "PATCH", servicePath, {
        definition: {
          ...meant,
          strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE" },
          scalings: [{ min: 1, max: 3 }],
          docker: { ...objectAt(meant, "docker"), command: "by-hand" },
          env: [...listAt(meant, "env"), { key: "DEBUG", value: "by-hand" }],
        },
      });
      await call("fly", "POST", machinePath, {
        config: { ...config, schedule: "daily", env: { ...objectAt(config, "env"), PORT: "8081", DEBUG: "by-hand" } },
      });
      const app = `/v1/apps/${SANDBOX_NAMES.flyApp}`;
      await call("fly", "POST", `${app}/secrets/NODE_OPTIONS`, { value: "by-hand" });
      const { ip } = (await call("fly", "POST", `${app}/ip_assignments`, { type: "v4" })) ?? {};
      expect([await installation.plan("service-koyeb"), await installation.plan("service-fly")]).toEqual([
        "nothing",
        "nothing",
      ]);
      const hidden = await installation.drift();
      expect(hidden.exitCode).toBe(3);
      for (const sentence of [
        "koyeb_service.service: it has another scale",
        "koyeb_service.service: it has another strategy",
        "koyeb_service.service: it has command of somebody's own",
        "koyeb_service.service: variable DEBUG is new",
        "fly_machine.machine-1: it has schedule of somebody's own",
        `app ${SANDBOX_NAMES.flyApp}: secret NODE_OPTIONS is in no plan`,
        `app ${SANDBOX_NAMES.flyApp}: address ${String(ip)} is in no plan`,
        "fly_machine.machine-1: variable DEBUG is new",
        "fly_machine.machine-1: variable PORT has another value",
      ])
        expect(hidden.output).toContain(sentence);
      expect(hidden.output).not.toContain("by-hand");

      await call("koyeb", "PATCH", servicePath, { definition: meant });
      await call("fly", "DELETE", `${app}/secrets/NODE_OPTIONS`);
      await call("fly", "DELETE", `${app}/ip_assignments/${String(ip)}`);
      await call("fly", "POST", machinePath, { config });
      await expect
        .poll(async () => (await installation.mcpist(["secrets", "verify"])).exitCode, { timeout: 60_000 })
        .toBe(0);
      done(await installation.drift(), "drift check");
    },
  );

  it("an apply that a vendor broke in the middle converges when it is run again", { timeout: TIMEOUT_MS }, async () => {
    await openedWithFirst(async (installation) => {
      const { faults } = installation.sandbox;
      const status = (code: number) => ({ kind: "status", when: "before", status: code }) as const;
      faults.add(once({ vendor: "cloudflare", method: "PUT", path: "/workers/scripts/[^/]+$", effect: status(500) }));
      faults.add(once({ vendor: "fly", method: "POST", path: "/ip_assignments$", nth: 2, effect: status(503) }));
      const broken = await installation.deploy(BASE);
      expect(broken.exitCode).not.toBe(0);
      expect(broken.output).toMatch(/workers\/scripts\/mcpist-gateway.*500/s);
      done(await installation.deploy(BASE), "deploy base again");
      await fillSecrets(installation);
      faults.add(once({ vendor: "fly", method: "POST", path: "/machines$", nth: 2, effect: status(429) }));
      expect((await installation.deploy(ALL)).exitCode).not.toBe(0);
      done(await installation.deploy(ALL), "deploy everything again");
      done(await installation.mcpist(["secrets", "verify"]), "secrets verify");
      expect(await installation.plans()).toEqual(NOTHING);
    });
  });

  it(
    "a Machine that somebody destroyed is in no plan, found by the scheduled check, and made anew with the live secret",
    { timeout: TIMEOUT_MS },
    async () => {
      const installation = shared();
      const kid = await liveKid(installation);
      const { fly, urls, context } = installation.sandbox;
      const [destroyed] = fly.instances();
      const path = `${urls.fly}/v1/apps/${SANDBOX_NAMES.flyApp}/machines/${destroyed?.id}`;
      const headers = { authorization: `Bearer ${context.tokens.fly}` };
      expect((await fetch(`${path}?force=true`, { method: "DELETE", headers })).status).toBe(200);
      await expect.poll(() => fly.instances().length, { timeout: 20_000 }).toBe(1);
      expect(await (await fetch(path, { headers })).json()).toMatchObject({ state: "destroyed" });

      expect(await installation.plan("service-fly")).toBe("nothing");
      const found = await installation.drift();
      expect(found.stdout).toMatch(/^sandbox-service-fly +drifted$/m);
      expect(found.output).toContain(`Machine ${destroyed?.id} is destroyed`);
      const [, address = ""] = /(fly_machine\.[\w-]+): Machine/.exec(found.output) ?? [];

      done(await installation.forget("service-fly", [address]), "forget the Machine");
      done(await installation.apply(ALL), "deploy");
      expect(await installation.plan("service-fly")).toBe("nothing");
      expect(fly.instances().map(({ activity }) => activity)).toEqual(["serving", "serving"]);
      expect(await liveKid(installation)).toBe(kid);
      done(await installation.mcpist(["secrets", "verify"]), "secrets verify");
    },
  );

  it("a first upload that failed may be repaired before it is tried again", { timeout: TIMEOUT_MS }, async () => {
    await openedWithFirst(async (installation) => {
      const broken = installation.write("broken.js", "export default {");
      expect((await installation.apply(EDGE, { MCPIST_WORKER_BUNDLE: broken })).exitCode).not.toBe(0);
      done(await installation.apply(EDGE), "deploy a Worker that runs");
      // The Worker differs from the one that was tried first, so the migration leaves with the next deploy.
      done(await installation.apply(EDGE), "deploy again");
      expect(await installation.plan("base-edge")).toBe("nothing");
    });
  });

  it(
    "a first upload whose answer was lost is adopted by naming the migration that is in place",
    { timeout: TIMEOUT_MS },
    async () => {
      await openedWithFirst(async (installation) => {
        installation.sandbox.faults.add(
          once({
            vendor: "cloudflare",
            method: "PUT",
            path: "/workers/scripts/[^/]+$",
            effect: { kind: "reset", when: "lost" },
          }),
        );
        expect((await installation.apply(EDGE)).exitCode).not.toBe(0);
        expect((await installation.apply(EDGE)).output).toContain("10079");
        done(await installation.apply(EDGE, { MCPIST_APPLIED_MIGRATION_TAG: "v1" }), "deploy with the tag");
        // And it is remembered.
        done(await installation.apply(EDGE), "deploy without the tag");
        expect(await installation.plan("base-edge")).toBe("nothing");
      });
    },
  );
});

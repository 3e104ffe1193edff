/**
 * The bootstrap order, with real Terraform and OpenTofu, the real CLIs, the real Worker and origins, and the real `mcpist`. The
 * vendors are the sandbox, and their Terraform providers are stand-ins of this repository (./standin).
 */
import { describe, expect, it } from "vitest";
import { SANDBOX_NAMES } from "../../contract/sandbox.ts";
import type { Installation } from "./installation.ts";
import { ALL, BASE, done, fillSecrets, NOTHING, opened, openedWithFirst, slots, TIMEOUT_MS } from "./operator.ts";
import { CLIS, ENGINES, IN_CI, PAIRS } from "./tools.ts";

/** What is still there, asked of the vendors themselves. */
async function left({ sandbox }: Installation): Promise<Readonly<Record<string, unknown>>> {
  const { urls, context } = sandbox;
  const ask = async (
    vendor: "github" | "cloudflare" | "koyeb" | "fly",
    path: string,
    key: string,
  ): Promise<unknown> => {
    const headers = { authorization: `Bearer ${context.tokens[vendor]}`, "user-agent": "test" };
    const response = await fetch(urls[vendor] + path, { headers });
    return ((await response.json()) as Readonly<Record<string, unknown>>)[key];
  };
  const account = `/accounts/${SANDBOX_NAMES.accountId}`;
  return {
    environments: await ask(
      "github",
      `/repos/${SANDBOX_NAMES.owner}/${SANDBOX_NAMES.repo}/environments`,
      "environments",
    ),
    scripts: await ask("cloudflare", `${account}/workers/scripts`, "result"),
    namespaces: await ask("cloudflare", `${account}/storage/kv/namespaces`, "result"),
    koyebApps: await ask("koyeb", "/v1/apps", "apps"),
    flyApps: await ask("fly", "/v1/apps?org_slug=personal", "apps"),
  };
}

describe.skipIf(!IN_CI && PAIRS.length === 0)("bootstrap (skipped where there is neither terraform nor tofu)", () => {
  it("has an engine and the CLI of this checkout", () => {
    expect(ENGINES.map(({ name }) => name)).not.toEqual([]);
    expect(CLIS.map(({ name }) => name)).toEqual(IN_CI ? ["cdktn", "cdktf"] : expect.arrayContaining(["cdktn"]));
  });

  it("synth of every CLI writes what plain node writes", { timeout: TIMEOUT_MS }, async () => {
    await openedWithFirst(async (installation) => {
      const plain = await installation.plainSynth("plain");
      expect(Object.keys(plain)).toHaveLength(6);
      for (const cli of CLIS) expect(await installation.synth(cli, `by-${cli.name}`)).toEqual(plain);
    });
  });

  it.each(PAIRS)(
    "%s brings up fresh accounts in order, changes nothing the second time, and takes everything down",
    { timeout: TIMEOUT_MS },
    async (_pair, engine, cli) => {
      await opened(engine, cli, async (installation) => {
        const { sandbox } = installation;
        done(await installation.deploy(BASE), "deploy base");
        expect((await fetch(`${sandbox.urls.gateway}/mcp`, { method: "POST" })).ok).toBe(false);
        await fillSecrets(installation);
        done(await installation.deploy(ALL), "deploy everything");
        done(await installation.mcpist(["secrets", "verify"]), "secrets verify");

        expect(await installation.plans()).toEqual(NOTHING);
        const diff = await installation.diff("base-repository");
        expect(diff).toMatchObject({ exitCode: 0, output: expect.stringContaining("No changes.") });
        const again = await installation.deploy(ALL);
        done(again, "deploy everything again");
        expect(again.output.match(/Resources: 0 added, 0 changed, 0 destroyed/g)).toHaveLength(6);
        expect(await installation.checkStates()).toMatchObject({ exitCode: 0 });

        // One slot holds a secret, the other a tombstone that is public.
        const values = [...slots(installation), sandbox.context.tokens.cloudflare, sandbox.context.tokens.fly];
        const secrets = values.filter((text) => !text.startsWith("revoked:"));
        expect(secrets).toHaveLength(3);
        const texts = [...installation.files(), ...installation.printed];
        for (const secret of secrets) expect(texts.filter((text) => text.includes(secret))).toHaveLength(0);

        done(await installation.destroy(ALL), "destroy");
        expect(await left(installation)).toEqual({
          environments: [],
          scripts: [],
          namespaces: [],
          koyebApps: [],
          flyApps: [],
        });
      });
    },
  );
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TOKEN } from "../../sandbox/vendors/cloudflare/test/emulator.ts";
import { run } from "../program.ts";
import { cloudflareAccount } from "../test/cloudflare-api.ts";
import { ENVIRONMENT_INPUT } from "../test/environment.ts";
import { testContext } from "../test/test-context.ts";

let folder = "";
/** The Worker's own reader; loaded by URL, because its types are those of another runtime. */
let readGeneration: (kv: { get(key: string): Promise<string | null> }) => Promise<string | null>;
beforeAll(async () => {
  const url = new URL("../../worker/jwks/source.ts", import.meta.url).href;
  ({ readGeneration } = (await import(url)) as { readGeneration: typeof readGeneration });
  folder = await mkdtemp(join(tmpdir(), "mcpist-jwks-"));
  await writeFile(
    join(folder, "mcpist.config.ts"),
    `export default ${JSON.stringify({ environments: { production: ENVIRONMENT_INPUT } })};\n`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const installation = () => {
  const cloudflare = cloudflareAccount();
  const tokens = { GH_TOKEN: "gh-token-1", KOYEB_TOKEN: "koyeb-token-1", FLY_API_TOKEN: "fly-token-1" };
  const context = () =>
    testContext({
      cwd: folder,
      env: { CLOUDFLARE_API_TOKEN: TOKEN, CLOUDFLARE_API_BASE_URL: cloudflare.baseUrl, ...tokens },
      fetch: cloudflare.fetch,
    });
  const purge = async (...argv: string[]) => {
    const ctx = context();
    const code = await run(["jwks", "purge", "--env", "production", ...argv], ctx);
    return { code, out: ctx.out(), err: ctx.err() };
  };
  const deploy = async (bindings: readonly { name: string; type: string; namespace_id?: string }[]) => {
    await cloudflare.put("gw", { bindings });
  };
  /** What the Worker reads, by its own code. */
  const generation = (namespace: string) => {
    const get = (key: string) => {
      const value = cloudflare.account.kv.get(namespace)?.get(key)?.value;
      return Promise.resolve(value === undefined ? null : new TextDecoder().decode(value));
    };
    return readGeneration({ get });
  };
  return { cloudflare, purge, deploy, generation };
};

describe("mcpist jwks purge", () => {
  it("writes a new generation where the deployed Worker looks, in the form that it reads", async () => {
    const { cloudflare, purge, deploy, generation } = installation();
    const namespace = await cloudflare.namespace("gw");
    await cloudflare.namespace("another");
    await deploy([{ type: "kv_namespace", name: "KV", namespace_id: namespace }]);
    expect(await generation(namespace)).toBe("");
    const { code, out } = await purge("--json");
    expect(code).toBe(0);
    const answer = JSON.parse(out) as { generation: string };
    expect(answer).toMatchObject({
      command: "jwks purge",
      environment: "production",
      ok: true,
      exitCode: 0,
      seenWithinSeconds: 120,
    });
    expect(answer.generation).toMatch(/^[0-9a-f]{16}$/);
    expect(await generation(namespace)).toBe(answer.generation);
    const text = new TextDecoder().decode(cloudflare.account.kv.get(namespace)?.get("jwks:gen")?.value);
    expect(JSON.parse(text)).toEqual({ generation: answer.generation, at: "2026-11-22T12:00:00.000Z" });
  });

  it("waits out KV's limit of one write per second and key", async () => {
    const { cloudflare, purge, deploy } = installation();
    const namespace = await cloudflare.namespace("gw");
    await deploy([{ type: "kv_namespace", name: "KV", namespace_id: namespace }]);
    expect((await purge()).code).toBe(0);
    // The emulator's clock does not pass while the command waits, so the limit never ends here: it must end as an error, not as done.
    const again = await purge();
    expect(again.code).toBe(1);
    expect(again.err).toContain("(ERR_RATE_LIMITED)");
  });

  it("says what to deploy where there is no Worker, or none with a store", async () => {
    const { purge, deploy } = installation();
    expect(await purge()).toMatchObject({
      code: 1,
      err: expect.stringContaining("the Worker is not deployed yet (ERR_NOT_FOUND)") as string,
    });
    await deploy([]);
    const { code, err } = await purge();
    expect(code).toBe(1);
    expect(err).toContain(
      "the deployed Worker has no KV binding (ERR_NOT_FOUND)\nhint:  mcpist deploy --base --env production",
    );
  });
});

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ok } from "../contract/result.ts";
import { SANDBOX_VARIABLE } from "../contract/sandbox.ts";
import { loadSettings } from "./settings.ts";

const ROOT = join(import.meta.dirname, "..");

/** A folder with this text as its mcpist.config.ts. */
function folderWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-settings-"));
  writeFileSync(join(folder, "mcpist.config.ts"), text);
  return folder;
}

const URLS = {
  gateway: "http://127.0.0.1:1001",
  github: "http://127.0.0.1:1002",
  notion: "http://127.0.0.1:1011",
  broker: "http://127.0.0.1:1012/functions/v1/token-broker",
  cloudflare: "http://127.0.0.1:1003/client/v4",
  koyeb: "http://127.0.0.1:1004",
  fly: "http://127.0.0.1:1005",
  issuer: "http://127.0.0.1:1006/auth/v1",
  database: "postgres://127.0.0.1:1007/postgres",
  control: "http://127.0.0.1:1008",
  origins: { koyeb: "http://127.0.0.1:1009", fly: "http://127.0.0.1:1010" },
};

describe("loadSettings", () => {
  it("takes the example's production environment by default", async () => {
    const settings = await loadSettings({}, ROOT);
    expect(settings).toMatchObject({
      ok: true,
      value: { name: "production", local: false, flyBaseUrl: null, stateDirectory: ROOT },
    });
  });

  it("takes the file that is named instead, whatever the project's own program hands over", async () => {
    const { environments } = (await import("../mcpist.config.ts")).default;
    const [environment] = Object.values(environments);
    const folder = folderWith("export default {};");
    writeFileSync(
      join(folder, "ops.config.ts"),
      `export default ${JSON.stringify({ environments: { ops: environment } })};`,
    );
    const settings = await loadSettings(
      { MCPIST_CONFIG_FILE: join(folder, "ops.config.ts"), MCPIST_ENV: "ops" },
      folder,
      async () => ok({}),
    );
    expect(settings).toMatchObject({ ok: true, value: { name: "ops", stateDirectory: folder } });
    expect(await loadSettings({ MCPIST_CONFIG_FILE: "other.config.ts" }, folder)).toMatchObject({
      ok: false,
      error: ['other.config.ts: not found in this folder; "mcpist init" writes one'],
    });
  });

  it("takes the sandbox inside a sandbox, with a state of its own", async () => {
    const settings = await loadSettings(
      { [SANDBOX_VARIABLE]: JSON.stringify(URLS), FLY_FLAPS_BASE_URL: URLS.fly },
      ROOT,
    );
    expect(settings).toMatchObject({ ok: true, value: { name: "sandbox", local: true, flyBaseUrl: URLS.fly } });
    expect(settings.ok && settings.value.stateDirectory.startsWith(tmpdir())).toBe(true);
  });

  const rehearsal = (change: Record<string, string> = {}) => ({
    [SANDBOX_VARIABLE]: JSON.stringify({
      ...URLS,
      rehearses: {
        name: "production",
        ownDrain: false,
        settings: {
          github: { owner: "acme", repo: "mcp", environment: "production" },
          cloudflare: { accountId: "0".repeat(32), zone: "example.com", hostname: "mcp.example.com", worker: "gw" },
          origins: [{ name: "fly", kind: "fly", url: "https://o.fly.dev", app: "o" }],
          auth: { issuer: "https://issuer.test/auth/v1", audience: "https://mcp.example.com/mcp" },
          image: "ghcr.io/acme/origin:1",
          backend: { type: "s3", bucket: "state", endpoint: "https://s3.example.com" },
        },
      },
    }),
    GITHUB_API_URL: URLS.github,
    GITHUB_BASE_URL: `${URLS.github}/`,
    CLOUDFLARE_API_BASE_URL: URLS.cloudflare,
    CLOUDFLARE_BASE_URL: `${URLS.cloudflare}/`,
    KOYEB_URL: URLS.koyeb,
    FLY_FLAPS_BASE_URL: URLS.fly,
    ...change,
  });
  it("takes the environment that a sandbox rehearses, with a state of its own and never the real one's", async () => {
    const settings = await loadSettings(rehearsal(), ROOT);
    expect(settings).toMatchObject({
      ok: true,
      value: {
        name: "production",
        local: true,
        environment: {
          backend: { type: "local" },
          cloudflare: { worker: "gw", url: "http://127.0.0.1:1001" },
          origins: [{ app: "o", url: "http://127.0.0.1:1010" }],
        },
      },
    });
    expect(settings.ok && settings.value.stateDirectory.startsWith(tmpdir())).toBe(true);
  });
  it("refuses a rehearsal whose providers would reach the real accounts", async () => {
    expect(await loadSettings(rehearsal({ CLOUDFLARE_BASE_URL: "" }), ROOT)).toEqual({
      ok: false,
      error: ["CLOUDFLARE_BASE_URL is not the sandbox's, so this is not its rehearsal: join it again"],
    });
  });

  it("lets a pipeline choose the image and the folder of the state", async () => {
    const settings = await loadSettings(
      { MCPIST_IMAGE: "ghcr.io/acme/origin:2.0.0", MCPIST_STATE_DIR: "/state" },
      ROOT,
    );
    expect(settings).toMatchObject({
      ok: true,
      value: { image: "ghcr.io/acme/origin:2.0.0", stateDirectory: "/state" },
    });
  });

  it.each<[string, Record<string, string>, string | null, RegExp]>([
    [
      "a folder without a configuration",
      {},
      null,
      /^mcpist\.config\.ts: not found in this folder; "mcpist init" writes one$/,
    ],
    ["a configuration that is no program", {}, "export default {", /^mcpist\.config\.ts: cannot be loaded: \w*Error: /],
    [
      "a configuration without a default export",
      {},
      "export const a = 1;",
      /^mcpist\.config\.ts: has no default export$/,
    ],
    [
      "an unknown environment",
      { MCPIST_ENV: "staging" },
      "export default { environments: {} };",
      /there is no "staging"/,
    ],
    ["the sandbox outside of one", { MCPIST_ENV: "sandbox" }, null, /exists only inside "mcpist sandbox/],
    ["a broken sandbox", { [SANDBOX_VARIABLE]: "{" }, null, /^MCPIST_SANDBOX is not what "mcpist sandbox" sets$/],
  ])("refuses %s", async (_case, variables, text, reason) => {
    const folder = text === null ? mkdtempSync(join(tmpdir(), "mcpist-settings-")) : folderWith(text);
    const settings = await loadSettings(variables, folder);
    expect(settings.ok ? "accepted" : settings.error.join("\n")).toMatch(reason);
  });

  it("names every wrong field and no value", async () => {
    const folder = folderWith(`export default { environments: { production: {
      github: { owner: "acme", repo: "mcp", environment: "Wrong Name!" },
      cloudflare: { accountId: "a", zone: "example.com", hostname: "mcp.example.com" },
      origins: [{ name: "koyeb", kind: "heroku", url: "http://example.com" }],
      auth: { issuer: "ftp://issuer.example", audience: "https://mcp.example.com/mcp" },
      image: "i", secret: "hunter2",
    } } };`);
    const settings = await loadSettings({}, folder);
    const text = settings.ok ? "" : settings.error.join("\n");
    for (const field of ["github.environment", "cloudflare.worker", "origins.0.kind", "auth.issuer", "unknown setting"])
      expect(text).toContain(field);
    for (const value of ["Wrong Name!", "heroku", "ftp://", "hunter2"]) expect(text).not.toContain(value);
  });

  it("lets nothing that holds data be destroyed unless exactly that is asked for", async () => {
    expect(await loadSettings({}, ROOT)).toMatchObject({ ok: true, value: { allowDestroy: false } });
    expect(await loadSettings({ MCPIST_ALLOW_DESTROY: "1" }, ROOT)).toMatchObject({
      ok: true,
      value: { allowDestroy: true },
    });
    expect(await loadSettings({ MCPIST_ALLOW_DESTROY: "no" }, ROOT)).toEqual({
      ok: false,
      error: ["MCPIST_ALLOW_DESTROY must be 1, or not be set"],
    });
  });

  it("refuses a migration tag that was never released", async () => {
    const settings = await loadSettings({ MCPIST_APPLIED_MIGRATION_TAG: "v9" }, ROOT);
    expect(settings).toEqual({ ok: false, error: ["MCPIST_APPLIED_MIGRATION_TAG must be one of: v1"] });
  });

  it("refuses a Machines API without encryption that is not on this machine", async () => {
    const settings = await loadSettings({ FLY_FLAPS_BASE_URL: "http://machines.example" }, ROOT);
    expect(settings).toEqual({ ok: false, error: ["FLY_FLAPS_BASE_URL must be https, or http on loopback"] });
  });
});

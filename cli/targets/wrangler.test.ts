import { mkdir, mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { childEnv, makeHome } from "./wrangler.ts";

describe("the environment of wrangler", () => {
  it("has the way out of this machine and its authorities, and nothing else of the caller's", () => {
    const access = { token: "t", accountId: "a", baseUrl: "https://api.test" };
    const env = childEnv(
      { PATH: "/bin", HTTPS_PROXY: "http://proxy:1", NODE_USE_SYSTEM_CA: "1", GH_TOKEN: "x", WRANGLER_LOG: "debug" },
      access,
      "/its/own",
    );
    expect(Object.keys(env).sort()).toEqual([
      "CI",
      "CLOUDFLARE_ACCOUNT_ID",
      "CLOUDFLARE_API_BASE_URL",
      "CLOUDFLARE_API_TOKEN",
      "HOME",
      "HTTPS_PROXY",
      "NODE_USE_SYSTEM_CA",
      "NO_COLOR",
      "PATH",
      "WRANGLER_HIDE_BANNER",
      "WRANGLER_LOG_PATH",
      "WRANGLER_LOG_SANITIZE",
      "WRANGLER_SEND_ERROR_REPORTS",
      "WRANGLER_SEND_METRICS",
    ]);
    expect(env["HTTPS_PROXY"]).toBe("http://proxy:1");
  });
});

describe("the home of wrangler", () => {
  let parent = "";
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "mcpist-test-"));
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it("is made after what killed runs left is gone; what a running one uses, and what is not ours, stays", async () => {
    const old = new Date(Date.now() - 2 * 3_600_000);
    // No process has the highest id that Linux can give; process 1 always runs.
    for (const name of ["mcpist-wrangler-4194304-abc", "mcpist-wrangler-1-abc", "mcpist-wrangler-aBcDeF", "other"])
      await mkdir(join(parent, name));
    await mkdir(join(parent, "mcpist-wrangler-xYz123"));
    await utimes(join(parent, "mcpist-wrangler-xYz123"), old, old);
    const home = await makeHome(parent);
    expect((await readdir(parent)).sort()).toEqual(
      ["mcpist-wrangler-1-abc", "mcpist-wrangler-aBcDeF", "other", basename(home)].sort(),
    );
  });
  it("cannot be made where there is no folder, and it says which variable names another", async () => {
    await expect(makeHome(join(parent, "none"))).rejects.toMatchObject({
      code: "ERR_MACHINE",
      message: `the folder for temporary files (${parent}/none) cannot be used (ENOENT)`,
      hint: "set TMPDIR to a folder that can be written",
    });
  });
});

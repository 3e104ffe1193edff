/** The image's recipe and the bundle that it runs. The image itself is built where an engine exists. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newSecret } from "./test/origin.ts";

const recipe = readFileSync(new URL("Dockerfile", import.meta.url), "utf8");
const packageJson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  devDependencies: Record<string, string>;
};
const instructions = recipe
  .replaceAll("\\\n", "")
  .split("\n")
  .filter((text) => text !== "" && !text.startsWith("#"))
  .map((text) => text.split(" "));
const all = (name: string): string[][] => instructions.filter(([instruction]) => instruction === name);

describe("Dockerfile", () => {
  it("starts from an exact tag: the Node version that the project is tested with", () => {
    const version = packageJson.devDependencies["node"];
    expect(all("FROM").map(([, image]) => image)).toEqual([
      `node:${version}-bookworm-slim`,
      `node:${version}-bookworm-slim`,
    ]);
  });
  it("does not run as root, and says so last", () => {
    expect(all("USER")).toEqual([["USER", "10001:10001"]]);
    const names = instructions.map(([name]) => name);
    expect(names.slice(names.indexOf("USER"))).not.toContain("RUN");
  });
  it("has no ADD, no build argument, no secret in its environment, and a health check", () => {
    expect([all("ADD"), all("ARG")]).toEqual([[], []]);
    expect(all("ENV")).toEqual([["ENV", "NODE_ENV=production"]]);
    expect(all("HEALTHCHECK")).toHaveLength(1);
    expect(recipe).not.toMatch(/[0-9a-f]{32}|SECRET|TOKEN|PASSWORD/);
  });
  it("runs three commands, none of which installs a package of the system", () => {
    expect(all("RUN").map((words) => words.join(" "))).toEqual([
      "RUN npm ci --ignore-scripts",
      "RUN node origin/build.ts /out/origin.mjs",
      "RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* /usr/local/bin/yarn*   && find / -xdev -perm /6000 -type f -exec chmod a-s {} +",
    ]);
  });
  it("copies nothing but what it names", () => {
    const ignore = readFileSync(new URL("Dockerfile.dockerignore", import.meta.url), "utf8").split("\n");
    expect(ignore).toEqual([
      "*",
      "!package.json",
      "!package-lock.json",
      "!.npmrc",
      "!contract",
      "!origin",
      "**/*.test.ts",
      "origin/test",
      "**/.env*",
      "",
    ]);
    expect(all("COPY").flatMap((words) => words.slice(1, -1).filter((word) => !word.startsWith("--")))).toEqual([
      "package.json",
      "package-lock.json",
      ".npmrc",
      "contract",
      "origin",
      "/out/origin.mjs",
    ]);
  });
});

describe("bundle", () => {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-bundle-"));
  const bundle = join(folder, "origin.mjs");
  beforeAll(() => {
    execFileSync(process.execPath, [fileURLToPath(new URL("build.ts", import.meta.url)), bundle]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("runs on its own in an empty folder, and without a database package says what to set", async () => {
    const config = {
      environment: "production",
      origin: "koyeb",
      upstreams: {},
      httpStatusHosts: [],
      brokerUrl: null,
      alertWebhook: null,
    };
    const start = (extra: object, environment: Record<string, string> = {}) => {
      const child = spawn(process.execPath, ["--max-old-space-size=144", bundle], {
        cwd: folder,
        env: {
          PORT: "0",
          HOST: "127.0.0.1",
          GATEWAY_SECRET_A: newSecret(),
          MCPIST_CONFIG: JSON.stringify({ ...config, ...extra }),
          ...environment,
        },
      });
      const output = { text: "" };
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output.text += String(chunk)));
      return { child, output, ended: once(child, "close") };
    };
    const good = start({}, { DATABASE_URL: "postgres://x@127.0.0.1:1/x" });
    await expect.poll(() => good.output.text).toContain('"event":"listening"');
    good.child.kill("SIGTERM");
    expect((await good.ended)[0]).toBe(0);
    const embedded = start({ database: "embedded" });
    expect((await embedded.ended)[0]).toBe(1);
    expect(embedded.output.text).toBe(
      "mcpist origin: the embedded database cannot be started here: set DATABASE_URL, or install @electric-sql/pglite\n",
    );
  });
});

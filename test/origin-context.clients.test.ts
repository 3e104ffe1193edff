/**
 * The build context that `mcpist origin build` writes, laid out and started with the very words of its recipe: the origin under an id of
 * its own with three rights, a server under another. Needs the package (`npm run build`) and root; the image itself is built elsewhere.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { newSecret } from "../origin/test/origin.ts";
import { ENVIRONMENT_INPUT } from "../cli/test/environment.ts";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const TINY = fileURLToPath(new URL("../origin/test/servers/tiny.ts", import.meta.url));
const missing =
  process.getuid?.() === 0
    ? existsSync(MAIN)
      ? ""
      : "there is no dist/cli/main.js: npm run build"
    : "user ids are root's to change";
const required = process.env["CI"] === "true" && process.getuid?.() === 0;

const folder = mkdtempSync(join(tmpdir(), "mcpist-context-"));
let child: ChildProcess | null = null;
afterAll(() => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
}
/** What runs on this machine, from /proc. */
function processes(): readonly Process[] {
  return readdirSync("/proc").flatMap((name): Process[] => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const status = readFileSync(`/proc/${name}/status`, "utf8");
      const number = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]);
      return [{ pid: Number(name), parent: number("PPid"), uid: number("Uid") }];
    } catch {
      return [];
    }
  });
}

const words = (recipe: string, instruction: string): string[] =>
  JSON.parse(new RegExp(`^${instruction} (.*)$`, "m").exec(recipe)?.[1] ?? "[]") as string[];

describe("the build context of an origin with a server of one's own", () => {
  it("starts as its recipe says, with nothing but what stands in it", async ({ skip }) => {
    if (missing !== "" && !required) skip(missing);
    expect(missing).toBe("");
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, "weather"));
    copyFileSync(TINY, join(folder, "weather/server.ts"));
    const servers = { weather: { command: ["node", "server.ts"], folder: "weather", secrets: ["WEATHER_KEY"] } };
    const secrets = { WEATHER_KEY: { purpose: "a key", to: ["origins"] } };
    const config = { environments: { production: { ...ENVIRONMENT_INPUT, servers, secrets } } };
    writeFileSync(join(folder, "mcpist.config.ts"), `export default ${JSON.stringify(config)};\n`);
    const built = spawnSync(process.execPath, [MAIN, "origin", "build", "--env", "production"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect([built.status, built.stderr]).toEqual([0, ""]);

    const app = join(folder, "build/origin/app");
    const recipe = readFileSync(join(folder, "build/origin/Dockerfile"), "utf8");
    expect(recipe).not.toMatch(/^USER/m);
    const [program = "", ...args] = [...words(recipe, "ENTRYPOINT"), ...words(recipe, "CMD")].map((word) =>
      word === "node" ? process.execPath : word.replace(/^\/app/, app),
    );
    const laid = { ...servers.weather, command: [process.execPath, "server.ts"], folder: join(app, "servers/weather") };
    const origin = {
      environment: "production",
      origin: "koyeb",
      upstreams: {},
      httpStatusHosts: [],
      brokerUrl: null,
      alertWebhook: null,
    };
    child = spawn(program, args, {
      cwd: app,
      env: {
        PATH: "/usr/bin:/bin",
        HOST: "127.0.0.1",
        PORT: "0",
        GATEWAY_SECRET_A: newSecret(),
        WEATHER_KEY: "key-of-the-weather-service",
        DATABASE_URL: "postgres://nobody@127.0.0.1:1/x",
        MCPIST_CONFIG: JSON.stringify({ ...origin, servers: { weather: laid } }),
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const up = Promise.withResolvers<void>();
    createInterface({ input: child.stdout ?? process.stdin }).on("line", (line) => {
      if (line.includes('"event":"server_state"') && line.includes('"state":"up"')) up.resolve();
    });
    const ended = once(child, "exit");
    await Promise.race([
      up.promise,
      ended.then(([code]) => Promise.reject(new Error(`it ended with ${String(code)}`))),
    ]);

    const { pid = 0 } = child;
    const server = processes().find(({ parent }) => parent === pid);
    expect(processes().find((one) => one.pid === pid)).toMatchObject({ uid: 10_001 });
    expect(server).toMatchObject({ uid: 20_001 });
    child.kill("SIGTERM");
    expect((await ended)[0]).toBe(0);
    expect(processes().filter((one) => one.pid === server?.pid && one.uid === 20_001)).toEqual([]);
  });
});

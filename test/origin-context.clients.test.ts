/**
 * The build context that `mcpist origin build` writes, laid out and started with the very words of its recipe: the origin under an id of
 * its own with three rights, servers in Node and Python and a binary each under another, called as the gateway calls them. Needs the
 * package (`npm run build`), root, and what .ci/tools installs; the image itself is built elsewhere.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { ENVIRONMENT_INPUT } from "../cli/test/environment.ts";
import { openPostgres } from "../origin/database/pg.ts";
import { callTool, newSecret, newUser, resultOf } from "../origin/test/origin.ts";
import { createContext } from "../sandbox/vendors/context.ts";
import { startDatabase } from "../sandbox/vendors/database/database.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const MAIN = path("../dist/cli/main.js");
const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mcpist");
/** What .ci/tools has installed from the examples' own files. */
const NODE_SERVER = join(CACHE, "everything");
const PYTHON_PACKAGES = join(CACHE, "clients/fastmcp-4.2.3");
const PYTHON = "/usr/bin/python3";
/** With a table of processes of its own, as a container has: what is started is process 1 in it. */
const AS_CONTAINER = ["--pid", "--fork", "--kill-child", "--mount-proc", "--"];
/** The packages are of one minor version. */
const pythonFits = (): boolean => {
  const said = spawnSync(PYTHON, ["--version"], { encoding: "utf8" }).stdout ?? "";
  const [, minor = "none"] = /^Python (\d+\.\d+)/.exec(said) ?? [];
  return existsSync(join(PYTHON_PACKAGES, `lib/python${minor}/site-packages/fastmcp`));
};
const missing = [
  [process.getuid?.() === 0, "user ids are root's to change"],
  [existsSync(MAIN), "there is no dist/cli/main.js: npm run build"],
  [existsSync(join(NODE_SERVER, "node_modules")), "there is no server of Node's: .ci/tools"],
  [pythonFits(), `there is no FastMCP for ${PYTHON}: .ci/tools`],
  [spawnSync("go", ["version"]).status === 0, "there is no Go toolchain"],
  [spawnSync("tini", ["--version"]).status === 0, "there is no tini: .ci/tools"],
  [
    spawnSync("unshare", [...AS_CONTAINER, "true"]).status === 0,
    "a process may not get a table of processes of its own",
  ],
].flatMap(([found, reason]) => (found === true ? [] : [reason]))[0];
const required = process.env["CI"] === "true" && process.getuid?.() === 0;

const folder = mkdtempSync(join(tmpdir(), "mcpist-context-"));
const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
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

/** A project with three servers of its own, each as its language has it. */
function writeProject(servers: object): void {
  chmodSync(folder, 0o755);
  for (const name of ["everything", "forecast", "weather/bin"]) mkdirSync(join(folder, name), { recursive: true });
  for (const file of ["package.json", "package-lock.json"])
    copyFileSync(join(NODE_SERVER, file), join(folder, "everything", file));
  for (const file of ["server.py", "requirements.txt"])
    copyFileSync(path(`../examples/python/${file}`), join(folder, "forecast", file));
  const made = spawnSync("go", ["build", "-o", join(folder, "weather/bin/weather"), "."], {
    cwd: path("../examples/go"),
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(`go build: ${made.stderr}`);
  const secrets = { WEATHER_KEY: { purpose: "a key", to: ["origins"] } };
  const config = { environments: { production: { ...ENVIRONMENT_INPUT, servers, secrets } } };
  writeFileSync(join(folder, "mcpist.config.ts"), `export default ${JSON.stringify(config)};\n`);
}

/**
 * What the recipe's first stage would download, from what .ci/tools has of the same files. The interpreter is Debian's, as in the image:
 * another one may be in a folder that user ids of servers cannot read.
 */
function install(app: string): void {
  const all = { recursive: true, verbatimSymlinks: true };
  cpSync(join(NODE_SERVER, "node_modules"), join(app, "servers/everything/node_modules"), all);
  const environment = join(app, "servers/forecast/.venv");
  cpSync(PYTHON_PACKAGES, environment, all);
  rmSync(join(environment, "bin/python3"));
  symlinkSync(PYTHON, join(environment, "bin/python3"));
}

describe("the build context of an origin with servers of one's own", () => {
  it("starts as its recipe says, with nothing but what stands in it, and serves all three", async ({ skip }) => {
    if (missing !== undefined && !required) skip(String(missing));
    expect(missing).toBeUndefined();
    const servers = {
      everything: { command: ["mcp-server-everything"], folder: "everything" },
      forecast: { command: ["python3", "server.py"], folder: "forecast", secrets: ["WEATHER_KEY"] },
      // What it starts first outlives it, as a helper of a server that crashes does.
      weather: { command: ["sh", "-c", "sleep 3600 & exec weather"], folder: "weather", secrets: ["WEATHER_KEY"] },
    };
    writeProject(servers);
    const built = spawnSync(process.execPath, [MAIN, "origin", "build", "--env", "production"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect([built.status, built.stderr]).toEqual([0, ""]);

    const app = join(folder, "build/origin/app");
    const recipe = readFileSync(join(folder, "build/origin/Dockerfile"), "utf8");
    expect(recipe).not.toMatch(/^USER/m);
    expect(recipe.split("\n").filter((line) => /^RUN .*servers/.test(line))).toEqual([
      "RUN cd /app/servers/everything && npm ci --omit=dev --ignore-scripts",
      "RUN python3 -m venv /app/servers/forecast/.venv && /app/servers/forecast/.venv/bin/pip install --no-cache-dir -r /app/servers/forecast/requirements.txt",
    ]);
    install(app);
    const [program = "", ...args] = [...words(recipe, "ENTRYPOINT"), ...words(recipe, "CMD")].map((word) =>
      word === "node" ? process.execPath : word.replace(/^\/app/, app),
    );
    const database = await startDatabase(createContext({ log: () => undefined }));
    closing.push(() => database.close());
    const secret = newSecret();
    const origin = {
      environment: "production",
      origin: "koyeb",
      upstreams: {},
      httpStatusHosts: [],
      brokerUrl: null,
      alertWebhook: null,
      servers: Object.fromEntries(
        Object.entries(servers).map(([name, server]) => [name, { ...server, folder: join(app, "servers", name) }]),
      ),
    };
    const child: ChildProcess = spawn("unshare", [...AS_CONTAINER, program, ...args], {
      cwd: app,
      env: {
        PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
        HOST: "127.0.0.1",
        PORT: "0",
        GATEWAY_SECRET_A: secret,
        WEATHER_KEY: "key-of-the-weather-service",
        DATABASE_URL: database.url,
        REQUEST_STATE_KEY: newSecret(),
        MCPIST_CONFIG: JSON.stringify(origin),
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    closing.push(() => child.kill("SIGKILL"));
    const up = new Set<unknown>();
    const said: string[] = [];
    let port = 0;
    const ready = Promise.withResolvers<void>();
    createInterface({ input: child.stdout ?? process.stdin }).on("line", (line) => {
      const event = JSON.parse(line) as Readonly<Record<string, unknown>>;
      if (event["event"] === "listening") port = Number(event["port"]);
      if (event["event"] === "server_state" && event["state"] === "up") up.add(event["server"]);
      if (event["event"] === "server_output") said.push(`${String(event["server"])}: ${String(event["text"])}`);
      if (up.size === 3) ready.resolve();
    });
    const ended = once(child, "exit");
    const late = AbortSignal.timeout(120_000);
    await Promise.race([
      ready.promise,
      ended.then(([code]) => Promise.reject(new Error(`it ended with ${String(code)}`))),
      once(late, "abort").then(() => Promise.reject(new Error(`up: ${[...up].join(", ")}; ${said.join("\n")}`))),
    ]);

    const of = (parent: number | undefined) => processes().filter((one) => one.parent === parent);
    const [init] = of(child.pid);
    expect(of(child.pid)).toMatchObject([{ uid: 10_001 }]);
    const [started] = of(init?.pid);
    expect(of(init?.pid)).toMatchObject([{ uid: 10_001 }]);
    const children = of(started?.pid);
    expect(children.map(({ uid }) => uid).toSorted((a, b) => a - b)).toEqual([20_001, 20_002, 20_003]);

    // The helper of a server that was killed ends with it, and nothing of either stays in the table of processes.
    const crashed = children.find(({ uid }) => uid === 20_003)?.pid ?? 0;
    const helper = of(crashed)[0]?.pid ?? 0;
    expect(helper).toBeGreaterThan(0);
    process.kill(crashed, "SIGKILL");
    const again = { timeout: 60_000, interval: 50 };
    await vi.waitFor(() => expect(of(started?.pid).filter(({ uid }) => uid === 20_003)).toHaveLength(1), again);
    expect(processes().filter(({ pid }) => pid === helper || pid === crashed)).toEqual([]);

    const admin = openPostgres(database.adminUrl, () => undefined);
    closing.push(() => admin.close());
    const calls = [
      ["everything", "get-structured-content", { location: "New York" }, { temperature: 33, humidity: 82 }],
      ["forecast", "get_forecast", { city: "Bern" }, { city: "Bern", celsius: 14 }],
      ["weather", "get_forecast", { city: "Bern" }, { city: "Bern", celsius: 14 }],
    ] as const;
    for (const [server, tool] of calls) {
      const pins = () =>
        admin.query<{ pin: string }>("select pin from mcpist.tool_sightings where module_id = $1 and tool_id = $2", [
          server,
          tool,
        ]);
      await vi.waitFor(async () => expect(await pins()).toHaveLength(1), { timeout: 60_000, interval: 50 });
      const [seen] = await pins();
      await admin.query("select mcpist.approve_tool($1, $2, $3, 'test')", [server, tool, seen?.pin ?? ""]);
    }
    const user = await newUser({ admin }, { grants: calls.map(([server, tool]) => [server, tool]) });
    for (const [server, tool, params, structuredContent] of calls) {
      const answer = await callTool({ url: `http://127.0.0.1:${port}`, secret }, user, server, tool, params);
      expect(await resultOf(answer)).toMatchObject({ structuredContent });
    }

    process.kill(init?.pid ?? 0, "SIGTERM");
    expect((await ended)[0]).toBe(0);
    const left = new Set(children.map((one) => one.pid));
    expect(processes().filter((one) => left.has(one.pid) && one.uid > 20_000)).toEqual([]);
  });
});

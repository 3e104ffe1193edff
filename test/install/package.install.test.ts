/** From an empty folder to a running service and to its next version, from the packed file, as a new user goes. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, ENGINES, IN_CI } from "../deploy/tools.ts";
import { deployAndTakeAway, SANDBOX_ANSWERS } from "./deployed.ts";
import {
  ANSWERS,
  borrow,
  copyProject,
  giveBack,
  initialise,
  initialiseAsReadme,
  mcpist,
  node22,
  run,
  sizeOf,
  start,
  Workshop,
} from "./project.ts";

const FLAGS = Object.entries(ANSWERS).flat();
const COMPANIONS = ["miniflare", "@electric-sql/pglite", "wrangler", "cdktf", "constructs", "cdktn-cli", "esbuild"];
/** On which a project's cloud runs. The newer one is also under the sandbox of the next version, so every landing tries the older. */
const NODES = process.env["ROWS"] === "all" ? ["22", "24"] : ["22"];
/** npm with the package alone. What only larger commands need is for development here and optional there: npm would install it for the latter. */
const FEW = ["install", "--omit=dev", "--omit=optional"];
const workshop = new Workshop();
let tarball = "";
let old = "";
/** A project with everything installed. No test changes what is in it. */
let project = "";
/** What npm said when it was installed. */
let npmSaid = "";
/** How `init` ended there. */
let initialised: Awaited<ReturnType<typeof run>>;

beforeAll(async () => {
  [tarball, old] = await Promise.all([workshop.pack(), node22()]);
  project = workshop.make("my mcp");
  initialised = await initialiseAsReadme(tarball, project, ["--yes", ...FLAGS]);
  const { code, err } = await run("npm", ["install"], { cwd: project });
  npmSaid = err;
  if (code !== 0) throw new Error(`npm install: ${err}`);
}, 900_000);
// Half a gigabyte of small files, on whatever disk this is.
afterAll(() => workshop.close(), 900_000);

describe("the package alone", () => {
  it("is light, works, and says in one line what a larger command needs", async () => {
    const folder = workshop.make("light");
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
    expect((await run("npm", ["install", tarball], { cwd: folder })).code).toBe(0);
    expect(sizeOf(join(folder, "node_modules"))).toBeLessThan(17 * 1024);
    expect(readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith(".")).length).toBeLessThan(20);
    expect((await mcpist(["--version"], { cwd: folder })).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const status = await mcpist(["secrets", "status", "--env", "production"], { cwd: folder });
    expect(status).toMatchObject({ code: 2, err: expect.stringContaining("there is no mcpist.config.ts") });
    const demo = await mcpist(["demo"], { cwd: folder });
    expect(demo.code).toBe(2);
    expect(demo.err).toMatch(/\nhint: +npm install --save-dev miniflare@\S+ @electric-sql\/pglite@\S+ wrangler@\S+\n/);
    const [, page = ""] = /\npage: +(\S+)#installpackages\n$/.exec(demo.err) ?? [];
    expect(page).toBe("node_modules/mcpist/docs/errors.md");
    expect(readFileSync(join(folder, page), "utf8")).toContain("\n### installPackages\n");
  }, 600_000);

  it("runs one command by npx in a folder that has a configuration and nothing else", async () => {
    const folder = workshop.make("npx");
    const config = readFileSync(join(project, "mcpist.config.ts"), "utf8");
    writeFileSync(join(folder, "mcpist.config.ts"), config);
    const words = ["exec", "--yes", `--package=${tarball}`, "--", "mcpist", "secrets", "status", "--env", "production"];
    const { code, err } = await run("npm", words, { cwd: folder, env: { HOME: folder } });
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining("no token for") });
    expect(readdirSync(folder).filter((name) => !name.startsWith("."))).toEqual(["mcpist.config.ts"]);
  }, 600_000);

  it("says one sentence on a Node that is too old, and no stack", async () => {
    const bin = join(project, "node_modules/mcpist/bin/mcpist.mjs");
    const older = "Object.defineProperty(process.versions, 'node', { value: '20.11.0' })";
    const preload = `data:text/javascript,${encodeURIComponent(older)}`;
    const { code, err } = await run(process.execPath, ["--import", preload, bin, "--help"], { cwd: project });
    expect(code).toBe(2);
    expect(err).toMatch(/^error: mcpist needs Node 22\.18 or newer, and this is 20\.11\.0 \(ERR_NODE\)\nhint: .*\n$/);
  });
});

describe("mcpist init", () => {
  it("makes a project in an empty folder, and says what comes next", () => {
    expect(initialised).toMatchObject({ code: 0, out: expect.stringContaining("npm install && npm run demo") });
    expect(
      readdirSync(project)
        .filter((name) => name !== "node_modules")
        .sort(),
    ).toEqual([
      ".github",
      ".gitignore",
      "cdktf.json",
      "mcpist.config.ts",
      "modules",
      "package-lock.json",
      "package.json",
      "stacks.ts",
      "tsconfig.json",
    ]);
  });

  it("changes nothing that is there without a terminal and without --yes", async () => {
    const folder = workshop.make("unasked");
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
    const { code, err } = await initialise(tarball, folder, FLAGS);
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringContaining("package.json would be changed (ERR_USAGE)"),
    });
    expect(readdirSync(folder)).toEqual(["package.json"]);
  }, 600_000);
});

describe("a project", () => {
  it.each(["22", "24"])(
    "is synthesized, and its module is tested, on Node %s",
    async (major) => {
      const node = major === "22" ? old : process.execPath;
      const copy = workshop.make(`on node ${major}`);
      copyProject(project, copy);
      // Without the project's own Node.
      borrow(project, copy, ["mcpist", ...COMPANIONS, ".bin/mcpist", ".bin/cdktn"]);
      const place = { cwd: copy, node };
      expect((await run("npm", ["exec", "--", "node", "--version"], place)).out).toMatch(new RegExp(`^v${major}\\.`));
      expect(await run("npm", ["run", "--silent", "synth"], place)).toEqual({ code: 0, out: "", err: "" });
      expect(readdirSync(join(copy, "cdktf.out/stacks"))).toHaveLength(6);
      const tests = await run("npm", ["test"], place);
      expect(tests).toMatchObject({ code: 0, out: expect.stringMatching(/pass 2\n[^]*fail 0\n/) });
      const help = await mcpist(["secrets", "rotate", "--help"], place);
      expect(help).toMatchObject({ code: 0, err: "" });
    },
    600_000,
  );

  it("brings its own Node, and npm has nothing to ask about it or the others", async () => {
    const place = { cwd: project, node: old };
    expect((await run("npm", ["exec", "--", "node", "--version"], place)).out).toMatch(/^v24\./);
    const { allowScripts } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as Record<string, unknown>;
    expect(allowScripts).toEqual({ node: true, esbuild: true, workerd: true });
    expect(npmSaid).not.toContain("install-scripts");
  }, 600_000);

  it("has types for an editor: configuration, stacks, modules and their tests", async () => {
    const tsc = new URL("../../node_modules/typescript/bin/tsc", import.meta.url).pathname;
    expect(await run(process.execPath, [tsc, "-p", "."], { cwd: project })).toEqual({ code: 0, out: "", err: "" });
  }, 600_000);

  it("has a build context for its image: the origin and one's own module, which share their classes", async () => {
    const copy = workshop.make("image");
    copyProject(project, copy);
    borrow(project, copy, ["mcpist", ...COMPANIONS, ".bin"]);
    const built = await mcpist(["origin", "build", "--json"], { cwd: copy });
    expect(JSON.parse(built.out)).toMatchObject({ ok: true, modules: ["dice"], tools: [["dice", "roll"]] });
    const app = join(copy, "build/origin/app");
    const check = `
      import { ToolError } from "./origin/public.js";
      import modules from "./modules.mjs";
      const error = await modules[0].tools[0].run({ dice: 1, sides: 13 }, {}).catch((cause) => cause);
      process.exit(error instanceof ToolError ? 0 : 1);`;
    writeFileSync(join(app, "check.mjs"), check);
    expect((await run(process.execPath, ["check.mjs"], { cwd: app })).code).toBe(0);
    const origin = await run(process.execPath, ["origin/start.js"], { cwd: app });
    expect(origin).toEqual({ code: 1, out: "", err: "mcpist origin: MCPIST_CONFIG is not set\n" });
    expect(readFileSync(join(copy, "build/origin/Dockerfile"), "utf8")).toContain("MCPIST_MODULES=/app/modules.mjs");
  }, 600_000);
});

const [engine] = ENGINES;
if (IN_CI)
  it("has an engine to deploy with", () => {
    expect(engine, "neither terraform nor tofu is installed").toBeDefined();
  });

// They wait for processes and drains of their own: so many at once as `maxConcurrency` lets. A deploy is left out without an engine.
describe.concurrent("with everything installed", () => {
  it("init asks on a terminal, and first about a file that is there", async ({ expect }) => {
    const folder = workshop.make("existing repository");
    writeFileSync(
      join(folder, "package.json"),
      '{ "name": "theirs", "type": "module", "scripts": { "test": "theirs" } }\n',
    );
    mkdirSync(join(folder, ".github/workflows"), { recursive: true });
    writeFileSync(join(folder, ".github/workflows/deploy.yml"), "name: theirs\n");
    const command = `npm exec --yes --package='${tarball}' -- mcpist init`;
    const typed = ["y", ...Object.values(ANSWERS)].map((line) => `${line}\n`).join("");
    const { code, out } = await run("script", ["-qec", command, "/dev/null"], {
      cwd: folder,
      env: { MCPIST_PACKAGE: `file:${tarball}` },
      stdin: typed,
    });
    expect(out).toMatch(/package\.json: scripts\.demo,[^]*Add it\? \[y\/N\][^]*Public host name[^]*Fly\.io app/);
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))).toMatchObject({
      name: "theirs",
      scripts: { test: "theirs", demo: "mcpist demo --env production" },
      dependencies: { mcpist: `file:${tarball}` },
    });
    expect(readFileSync(join(folder, ".github/workflows/deploy.yml"), "utf8")).toBe("name: theirs\n");
    expect(existsSync(join(folder, ".github/workflows/mcpist-deploy.yml"))).toBe(true);
    // Without what only larger commands need: one's own module and its test need no more.
    expect((await run("npm", FEW, { cwd: folder })).code).toBe(0);
    const tests = await run(process.execPath, ["--test", "modules/*.test.ts"], { cwd: folder });
    expect(tests).toMatchObject({ code: 0, out: expect.stringMatching(/pass 2\n[^]*fail 0\n/) });
  }, 600_000);

  it.for(NODES)(
    "a project runs on the local cloud with its own origins and module while its secret is rotated, on Node %s",
    { timeout: 900_000 },
    async (major, { expect }) => {
      // Not through npm, which would take the project's own Node.
      const demo = ["demo", "--env", "production", "--json", "--users", "6", "--rate", "6"];
      const { out, err } = await mcpist(demo, { cwd: project, node: major === "22" ? old : process.execPath });
      const report = JSON.parse(out || "{}") as Record<string, unknown>;
      expect(report, err).toMatchObject({
        environment: "production",
        rotation: { ok: true, targets: expect.arrayContaining([expect.objectContaining({ name: "koyeb" })]) },
        proof: {
          oldSecret: { koyeb: 403, fly: 403 },
          newSecret: { koyeb: 200, fly: 200 },
          noSecret: { koyeb: 403, fly: 403 },
        },
      });
    },
  );

  it.skipIf(!engine)(
    "a deploy goes from empty accounts to a service, rotates it, finds no drift, and takes everything away",
    async ({ expect }) => {
      const copy = workshop.make("deployed");
      const answers = Object.entries(SANDBOX_ANSWERS).flat();
      expect(await initialise(tarball, copy, ["--yes", ...answers])).toMatchObject({ code: 0 });
      borrow(project, copy, ["mcpist", ...COMPANIONS, ".bin"]);
      await deployAndTakeAway(copy, workshop.make("mirror"), engine as Engine);
    },
    600_000,
  );

  it("the next version is told by doctor what it asks for, and migrates and rotates in an installation of the last one", async ({
    expect,
  }) => {
    const copy = workshop.make("updated");
    copyProject(project, copy);
    copyFileSync(join(project, "package-lock.json"), join(copy, "package-lock.json"));
    expect((await run("npm", FEW, { cwd: copy })).code).toBe(0);
    borrow(project, copy, COMPANIONS);
    const name = `install-${process.pid}`;
    const sandbox = start(["sandbox", "--env", "production", "--name", name], { cwd: copy });
    try {
      await sandbox.until("Press Ctrl-C to end it.");
      const joined = await mcpist(["sandbox", "--print-env", "--json", "--name", name], { cwd: copy });
      const { env } = JSON.parse(joined.out) as { env: Record<string, string> };
      const place = { cwd: copy, env };
      expect(await mcpist(["db", "status"], place)).toMatchObject({ code: 0 });

      const next = await workshop.next(tarball);
      giveBack(copy, COMPANIONS);
      const updated = await run("npm", [...FEW, next], { cwd: copy });
      expect(updated.code, updated.err).toBe(0);
      borrow(project, copy, COMPANIONS);
      expect((await mcpist(["--version"], place)).out).toBe("99.0.0\n");
      const asked = async () => {
        const { out } = await mcpist(["doctor", "--json", "--env", "production"], place);
        const { checks } = JSON.parse(out) as {
          checks: { area: string; what: string; outcome: string; next: string | null }[];
        };
        return checks
          .filter(({ area, outcome }) => ["workflow", "database", "package"].includes(area) && outcome !== "ok")
          .map(({ area, what, next: command }) => [area, what, command]);
      };
      expect(await asked()).toEqual([
        ["workflow", "rotate", "npx mcpist init --files --force --yes --env production   (writes them anew)"],
        ["database", "schema", "npx mcpist db migrate"],
      ]);
      expect(await mcpist(["db", "status"], place)).toMatchObject({ code: 3 });
      const migrated = await mcpist(["db", "migrate", "--json"], place);
      expect(JSON.parse(migrated.out)).toMatchObject({ ok: true, applied: ["20991231000001"] });
      expect(await mcpist(["init", "--files", "--force", "--yes", "--env", "production"], place)).toMatchObject({
        code: 0,
      });
      expect(await asked()).toEqual([]);
      const rotated = await mcpist(["secrets", "rotate", "--env", "production", "--json", "--yes"], place);
      expect(JSON.parse(rotated.out), rotated.err).toMatchObject({ ok: true });
    } finally {
      await sandbox.end();
    }
  }, 900_000);
});

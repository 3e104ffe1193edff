/** Every hint before a platform is asked, followed word by word. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { McpistError } from "../errors.ts";
import { CONFIG, configure, ENVIRONMENT, type Desk } from "../test/follow.ts";
import { SANDBOX_URLS } from "../test/sandbox-urls.ts";
import { calm, leadOut, meanwhile, steady, type Elsewhere, type Scenario } from "../test/scenario.ts";
import { START } from "./start.ts";

/** GitHub has no rotation yet: the shortest command that asks a platform. */
const HISTORY = "secrets history";
const NO_ROTATION = /^0 no rotation has been recorded yet/;
const nothingThere: typeof fetch = async () => Response.json({ message: "Not Found" }, { status: 404 });
const heal = (desk: Desk): void => void (desk.fetch = nothingThere);

/** A fault of this machine comes up inside a call. */
const fault = (code: string): Scenario => ({
  argv: HISTORY,
  prepare: (desk) => {
    desk.fetch = () =>
      Promise.reject(new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) }));
  },
  byHand: heal,
  ends: NO_ROTATION,
});

const MCPIST_SANDBOX = JSON.stringify(SANDBOX_URLS);
const ANSWERS =
  "--domain mcp.example.com --repo acme/mcp --account 0123456789abcdef0123456789abcdef --supabase abcdefghijklmnopqrst";
const INIT = `init ${ANSWERS} --fly-app acme-mcp --koyeb-url https://mcpist-acme.koyeb.app/`;

const SCENARIOS: Readonly<Record<keyof typeof START, Scenario | Elsewhere>> = {
  help: { argv: "canary-5f0c6a1be2d49317", flags: false, ends: /^0 [^]*Usage: mcpist/ },
  didYouMean: { argv: "secrets history --limt 3", retype: "secrets history --limit 3", world: steady, ends: /^0 TIME/ },
  helpOf: { argv: "secrets rotate --init --clean", ends: /^0 [^]*Usage: mcpist secrets rotate/ },
  flag: { argv: "secrets history --limit 0", world: steady, ends: /^0 TIME/ },
  addYes: {
    argv: "secrets rotate --emergency now",
    world: steady,
    prepare: ({ cloud }) => void (cloud && (cloud.checksS1 = false)),
    ends: "STEADY",
  },
  sayYes: { elsewhere: "cli/hints/database.test.ts" },
  valueAgain: {
    argv: "secrets put DATABASE_URL",
    world: steady,
    stdin: `postgres://${"x".repeat(50_000)}`,
    byHand: (desk) => void (desk.stdin = "postgres://u:p@db.example.com/postgres?sslmode=verify-full"),
    ends: /^0 [^]*done DATABASE_URL is at koyeb/,
  },
  oneOf: {
    argv: "origins quarantine canary-5f0c6a1be2d49317",
    world: steady,
    retype: "origins quarantine fly",
    ends: /^0 [^]*no longer routes to fly/,
  },
  interrupted: {
    argv: "secrets rotate",
    world: steady,
    prepare: (desk) => {
      const controller = new AbortController();
      desk.signal = controller.signal;
      if (desk.cloud) meanwhile(desk.cloud, "worker: upload", () => controller.abort());
    },
    byHand: (desk) => {
      calm(desk);
      delete desk.signal;
    },
    ends: "STEADY",
  },

  usableFile: {
    argv: "demo --html nowhere/page.html",
    ends: /^1 error: \S+\/nowhere is not there \(ENOENT\) \(ERR_MACHINE\)/,
  },
  writeConfig: { argv: "secrets status --env production", flags: false, ends: /^0 [^]*Usage: mcpist init/ },
  brokenConfig: {
    argv: HISTORY,
    prepare: ({ folder }) => writeFileSync(join(folder, CONFIG), "export default {\n  environments: {{,\n};\n"),
    byHand: ({ folder }, hint) => {
      const [, file = ""] = /^node (\S+) {3}\(shows where\)$/.exec(hint) ?? [];
      const { stderr, status } = spawnSync(process.execPath, [file], { cwd: folder, encoding: "utf8" });
      expect({ status, where: stderr.includes("ops.config.ts:2") }).toEqual({ status: 1, where: true });
    },
    ends: /^2 error: ops\.config\.ts cannot be loaded/,
  },
  correctConfig: {
    argv: HISTORY,
    prepare: (desk) => {
      desk.fetch = nothingThere;
      configure(desk, { ...ENVIRONMENT, imagee: "x" } as typeof ENVIRONMENT);
    },
    byHand: (desk) => configure(desk, ENVIRONMENT),
    ends: NO_ROTATION,
  },
  whichEnvironment: { argv: `${HISTORY} --config ${CONFIG}`, flags: false, prepare: heal, ends: NO_ROTATION },
  joinSandbox: {
    argv: "secrets status --env sandbox",
    flags: false,
    world: steady,
    choose: "again",
    byHand: ({ env }) => void (env["MCPIST_SANDBOX"] = MCPIST_SANDBOX),
    ends: /^0 sandbox: phase STEADY/,
  },
  leaveSandbox: { argv: "secrets status", world: steady, env: { MCPIST_SANDBOX }, ends: /^0 sandbox: phase STEADY/ },
  loopbackUrl: {
    argv: HISTORY,
    env: { GITHUB_API_URL: "http://github.example.com" },
    prepare: heal,
    byHand: ({ env }) => void delete env["GITHUB_API_URL"],
    ends: NO_ROTATION,
  },
  login: {
    argv: HISTORY,
    env: { GH_TOKEN: "", PATH: "", HOME: "/nowhere" },
    prepare: heal,
    byHand: ({ env }, hint) => {
      expect(hint).toBe("export GH_TOKEN, or gh auth login");
      env["GH_TOKEN"] = "gh-token-1";
    },
    ends: NO_ROTATION,
  },
  copyToken: {
    argv: HISTORY,
    env: { GH_TOKEN: "“gh-token-1”" },
    prepare: heal,
    byHand: ({ env }) => void (env["GH_TOKEN"] = "gh-token-1"),
    ends: NO_ROTATION,
  },
  proxyAddress: {
    argv: HISTORY,
    env: { HTTPS_PROXY: "no address" },
    prepare: heal,
    byHand: ({ env }) => void delete env["HTTPS_PROXY"],
    ends: NO_ROTATION,
  },

  authority: {
    argv: HISTORY,
    prepare: (desk) => {
      const unknown = Object.assign(new Error("self-signed certificate"), { code: "SELF_SIGNED_CERT_IN_CHAIN" });
      desk.fetch = () => Promise.reject(new TypeError("fetch failed", { cause: unknown }));
    },
    byHand: heal,
    ends: NO_ROTATION,
  },
  fewDescriptors: fault("EMFILE"),
  noDescriptors: fault("ENFILE"),
  fullDisk: fault("ENOSPC"),
  fullQuota: fault("EDQUOT"),
  readOnly: fault("EROFS"),
  noMemory: fault("ENOMEM"),
  installWrangler: {
    argv: "secrets rotate",
    world: steady,
    prepare: (desk) => {
      const old = new McpistError("ERR_PEER_MISSING", "wrangler 4.1.0 is too old: 4.100 or newer is needed", {
        hint: START.installWrangler("npm install --save-dev wrangler@4"),
      });
      desk.swap = (targets) => ({ ...targets, worker: { ...targets.worker, upload: () => Promise.reject(old) } });
    },
    byHand: (desk, hint) => {
      expect(hint).toBe("npm install --save-dev wrangler@4");
      delete desk.swap;
    },
    choose: "again",
    ends: "STEADY",
  },
  bug: {
    argv: "secrets rotate",
    world: steady,
    prepare: ({ cloud }) => {
      if (cloud)
        cloud.fault = () => {
          throw new TypeError("nobody foresaw this");
        };
    },
    byHand: calm,
    ends: "STEADY",
  },

  otherFile: {
    argv: `${INIT} --config ${CONFIG}`,
    flags: false,
    ends: /^0 done +ops\.config\.ts describes environment production/,
  },
  writableFile: {
    argv: `${INIT} --config new/other.config.ts`,
    flags: false,
    byHand: ({ folder }) => {
      mkdirSync(join(folder, "new"));
    },
    choose: "again",
    ends: /^0 done +new\/other\.config\.ts describes/,
  },
  initFlags: { argv: "init --domain nonsense", flags: false, ends: /^0 [^]*Usage: mcpist init/ },
  initAll: { argv: "init --domain mcp.example.com", flags: false, ends: /^0 [^]*Usage: mcpist init/ },
  initOrigin: { argv: `init ${ANSWERS}`, flags: false, retype: INIT, ends: /^0 [^]*describes environment production/ },
  ownProject: {
    argv: INIT,
    flags: false,
    prepare: ({ folder }) => writeFileSync(join(folder, "package.json"), "no JSON"),
    ends: /^2 error: package\.json/,
  },
  moduleType: {
    argv: INIT,
    flags: false,
    prepare: ({ folder }) => writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }'),
    byHand: ({ folder }) => writeFileSync(join(folder, "package.json"), '{ "type": "module" }'),
    choose: "again",
    ends: /^0 changed +package\.json/,
  },
  justSandbox: {
    argv: "init --env sandbox",
    flags: false,
    choose: "again",
    ends: /^2 error: the sandbox's environment is built in/,
  },

  installPackages: { elsewhere: "test/smoke.ts", says: "ERR_PEER_MISSING" },
  originSlots: { elsewhere: "test/origin-contract.clients.test.ts" },
  otherPorts: { elsewhere: "cli/hints/sandbox.clients.test.ts" },
  otherName: { elsewhere: "cli/hints/local.test.ts" },
  startSandbox: { elsewhere: "cli/hints/local.test.ts" },
  ownFolder: { elsewhere: "cli/hints/local.test.ts" },
  scenarioNeeds: { elsewhere: "cli/hints/sandbox.clients.test.ts" },
  sandboxExample: { elsewhere: "cli/hints/sandbox.clients.test.ts" },
};

leadOut(START, SCENARIOS);

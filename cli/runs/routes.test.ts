import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type EnvironmentInput } from "../../contract/config.ts";
import { gatewayConfigOf } from "../../contract/process-config.ts";
import { NAMES, startKit, TOKEN, type Kit } from "../../sandbox/vendors/cloudflare/test/emulator.ts";
import { createContext } from "../../sandbox/vendors/context.ts";
import { startGithub, type Github } from "../../sandbox/vendors/github/github.ts";
import { run } from "../program.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "../test/environment.ts";
import { testContext } from "../test/test-context.ts";

const SECRET = "0123456789abcdef".repeat(4);
const KID = SECRET.slice(0, 16);
/** Answers as the gateway does; the kid is the first characters of the secret, which is all a test needs. */
const SOURCE = `export default { fetch: (request, env) => Response.json({ role: "worker", instanceId: "x", deployment: env.CF_VERSION_METADATA.id,
  kid: env.GATEWAY_SECRET?.slice(0, 16) ?? null, lastAccepted: {} }) };`;

let kit: Kit;
let github: Github;
let githubToken = "";
let folder = "";
let worker = "";
let serial = 0;
let extra: Record<string, string> = {};

type State = "pool" | "joining" | "quarantined";
const input = (states: Readonly<Record<string, State>>): EnvironmentInput => ({
  ...ENVIRONMENT_INPUT,
  ...(extra["NOTIFY_URL"] === undefined ? {} : { notifyWebhookVariable: "NOTIFY_URL" }),
  cloudflare: { ...ENVIRONMENT_INPUT.cloudflare, accountId: NAMES.accountId, worker, url: "http://127.0.0.1:1" },
  origins: ENVIRONMENT_INPUT.origins.map((origin) => ({ ...origin, state: states[origin.name] ?? "pool" })),
});

/** Deploys the Worker as Terraform does, and writes mcpist.config.ts. */
async function install(
  deployed: Readonly<Record<string, State>>,
  file: Readonly<Record<string, State>> = deployed,
): Promise<void> {
  worker = `gw-${++serial}`;
  const url = await kit.cloudflare.gatewayUrlOf(worker);
  const at = (states: Readonly<Record<string, State>>) => ({
    ...input(states),
    cloudflare: { ...input(states).cloudflare, url },
  });
  await kit.put(worker, {
    source: SOURCE,
    bindings: [
      {
        type: "plain_text",
        name: "MCPIST_CONFIG",
        text: JSON.stringify(gatewayConfigOf("production", testEnvironment(at(deployed)))),
      },
      { type: "version_metadata", name: "CF_VERSION_METADATA" },
      { type: "secret_text", name: "GATEWAY_SECRET", text: SECRET },
    ],
  });
  const { origins, ...rest } = at(file);
  const lines = origins
    .map((origin) => `        ${JSON.stringify(origin).replaceAll('"name"', "name").replaceAll('"state"', "state")},`)
    .join("\n");
  const environment = JSON.stringify(rest).slice(0, -1);
  await writeFile(
    join(folder, "mcpist.config.ts"),
    `export default {\n  environments: {\n    production: ${environment}, origins: [\n${lines}\n      ] },\n  },\n};\n`,
  );
}

const origins = (...argv: string[]) => mcpist("origins", ...argv);
async function mcpist(...argv: string[]) {
  const context = testContext({
    cwd: folder,
    fetch,
    realTime: true,
    env: {
      GITHUB_API_URL: github.url,
      GH_TOKEN: githubToken,
      CLOUDFLARE_API_BASE_URL: kit.cloudflare.apiUrl,
      CLOUDFLARE_API_TOKEN: TOKEN,
      KOYEB_TOKEN: "koyeb-token-1",
      FLY_API_TOKEN: "fly-token-1",
      USER: "tester",
      ...extra,
    },
  });
  const code = await run([...argv, "--env", "production"], context);
  return { code, out: context.out(), err: context.err() };
}
const deployed = () => {
  const state = kit.cloudflare.workers().find(({ name }) => name === worker);
  const [share, ...more] = state?.deployments.at(-1)?.shares ?? [];
  const text = kit.cloudflare.secretTextForTests(worker, share?.versionId ?? "", "MCPIST_CONFIG") ?? "{}";
  const { origins: routes } = JSON.parse(text) as { origins: { name: string; state: string }[] };
  return {
    states: Object.fromEntries(routes.map((route) => [route.name, route.state])),
    secret: kit.cloudflare.secretTextForTests(worker, share?.versionId ?? "", "GATEWAY_SECRET"),
    alone: more.length === 0 && share?.percentage === 100,
    latest: state?.versions.at(-1)?.id === share?.versionId,
    versions: state?.versions.length,
  };
};

beforeAll(async () => {
  kit = await startKit();
});
afterAll(() => kit.cloudflare.close());
beforeEach(async () => {
  extra = {};
  const context = createContext({ log: () => undefined, timings: { githubLagMs: 0, listLagMs: 0 } });
  githubToken = context.tokens.github;
  github = await startGithub(context, { owner: "acme", repo: "mcp" });
  folder = await mkdtemp(join(tmpdir(), "mcpist-origins-"));
});
afterEach(async () => {
  await github.close();
  await rm(folder, { recursive: true, force: true });
});

describe("mcpist origins quarantine", () => {
  it("deploys the same code and secret without the origin, and prints the line that keeps it so", async () => {
    await install({});
    const { code, out, err } = await origins("quarantine", "koyeb");
    expect(code).toBe(0);
    expect(deployed()).toEqual({
      states: { koyeb: "quarantined", fly: "pool" },
      secret: SECRET,
      alone: true,
      latest: true,
      versions: 2,
    });
    expect(out).toContain("the gateway no longer routes to koyeb (version ");
    expect(out).toContain(`still sends ${KID})`);
    expect(out).toMatch(
      /change line 4 of mcpist\.config\.ts:\n +-.*"koyeb".*state:"pool".*\n +\+.*"koyeb".*state: "quarantined"/,
    );
    expect(out + err).not.toContain(SECRET);
  });

  it("says in JSON what it did", async () => {
    await install({});
    const { out } = await origins("quarantine", "koyeb", "--json");
    expect(JSON.parse(out)).toMatchObject({
      command: "origins quarantine",
      ok: true,
      exitCode: 0,
      origin: "koyeb",
      state: "quarantined",
      changed: true,
      kid: KID,
      file: { file: "mcpist.config.ts", change: { line: 4 } },
    });
  });

  it("tells webhook and job summary; a webhook that is away changes nothing but a line on stderr", async () => {
    const summary = join(folder, "summary.md");
    extra = { NOTIFY_URL: "http://127.0.0.1:9/hook", GITHUB_STEP_SUMMARY: summary };
    await install({});
    const { code, err } = await origins("quarantine", "koyeb");
    expect(code).toBe(0);
    expect(err).toContain("note  the notification was not delivered: it did not answer (TypeError)\n");
    expect(await readFile(summary, "utf8")).toContain("### mcpist origins quarantine koyeb: done (production)");
  });

  it("does nothing, and asks for nothing, where gateway and file say so already", async () => {
    await install({ koyeb: "quarantined" });
    const { code, out } = await origins("quarantine", "koyeb");
    expect(code).toBe(0);
    expect(out).toContain("the gateway no longer routes to koyeb, as before");
    expect(out).not.toContain("next");
    expect(deployed().versions).toBe(1);
  });

  it.each<[string, Record<string, State>, Record<string, State>, string, string]>([
    [
      "the last origin in the pool",
      { koyeb: "quarantined" },
      { koyeb: "quarantined" },
      "fly",
      "fly is the last origin in the pool",
    ],
    [
      "an origin that is joining",
      { koyeb: "joining" },
      { koyeb: "joining" },
      "koyeb",
      "the configuration calls koyeb joining",
    ],
    [
      "while file and gateway disagree about another",
      { fly: "joining" },
      {},
      "koyeb",
      "the configuration calls fly pool, but the gateway",
    ],
  ])("refuses %s", async (_what, gateway, file, name, message) => {
    await install(gateway, file);
    const before = deployed();
    const { code, err } = await origins("quarantine", name);
    expect(code).toBe(3);
    expect(err).toContain(`error: ${message}`);
    expect(deployed()).toEqual(before);
  });

  it("lists the origins for an unknown name, without repeating it", async () => {
    await install({});
    const { code, err } = await origins("quarantine", "canary-5f0c6a1be2d49317");
    expect(code).toBe(2);
    expect(err).toMatch(
      /^error: there is no such origin \(ERR_USAGE\)\nhint: {2}one of: koyeb, fly\npage: .*#oneof\n$/,
    );
  });
});

describe("mcpist origins join", () => {
  it.each<[string, Record<string, State>, Record<string, State>, string]>([
    [
      "the file already calls pool: the next deploy would route to it",
      { koyeb: "quarantined" },
      {},
      "the configuration calls koyeb pool, but the",
    ],
    [
      "the file calls quarantined",
      { koyeb: "quarantined" },
      { koyeb: "quarantined" },
      "the configuration calls koyeb quarantined, so a",
    ],
  ])("refuses an origin that %s", async (_what, gateway, file, message) => {
    await install(gateway, file);
    const before = deployed();
    const { code, err } = await origins("join", "koyeb");
    expect(code).toBe(3);
    expect(err).toContain(`error: ${message}`);
    expect(err).toContain('hint:  set its state to "joining" there, then run the command again');
    expect(deployed()).toEqual(before);
  });

  it("rotates nothing where the gateway routes to it already, and prints the line that keeps it so", async () => {
    await install({}, { koyeb: "joining" });
    const { code, out } = await origins("join", "koyeb");
    expect(code).toBe(0);
    expect(out).toContain("the gateway routes to koyeb, as before\n");
    expect(out).toMatch(/change line 4 of mcpist\.config\.ts:\n +-.*state:"joining".*\n +\+.*state: "pool"/);
    expect(deployed().versions).toBe(1);
  });
});

describe("a rotation", () => {
  it.each(["quarantined", "joining"] as const)(
    "is refused while the gateway routes to an origin that the file calls %s",
    async (state) => {
      await install({}, { koyeb: state });
      await fetch(`${github.url}/repos/acme/mcp/environments/production`, {
        method: "PUT",
        headers: { authorization: `Bearer ${githubToken}`, "user-agent": "test" },
        body: "{}",
      });
      const { code, err } = await mcpist("secrets", "rotate");
      expect(code).toBe(3);
      expect(err).toContain(
        `error: the gateway routes to koyeb, which the configuration calls ${state}: its traffic would fail (ERR_REFUSED)`,
      );
      expect(err).toContain('hint:  mcpist origins quarantine koyeb --env production, or set its state to "pool"');
    },
  );
});

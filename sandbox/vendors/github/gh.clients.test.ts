import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createContext } from "../context.ts";
import { SANDBOX_ACCOUNTS } from "../../../contract/sandbox.ts";
import { joinEnvironment } from "../../start.ts";
import { describeClients } from "../../test/client.ts";
import type { VendorContext } from "../vendor.ts";
import { startGithub, type Github } from "./github.ts";

/** What `gh` 2.23 of Debian is given by `mcpist sandbox -- gh …`; the other vendors do not run here. */
let context: VendorContext;
let github: Github;
const REPO = "sandbox-org/mcp";
const NOWHERE = "http://127.0.0.1:9";

beforeAll(async () => {
  context = createContext({ log: () => undefined, timings: { githubLagMs: 0 } });
  github = await startGithub(context, { owner: "sandbox-org", repo: "mcp" });
  github.state.ensureEnvironment(github.repository, "production");
});
beforeEach(() => context.faults.clear());
afterAll(async () => {
  // Whatever gh asked for was imitated, or its name is told here.
  expect(context.faults.calls.filter(({ known }) => !known)).toEqual([]);
  await github.close();
});

function environment(): Readonly<Record<string, string>> {
  const origins = { koyeb: NOWHERE, fly: NOWHERE };
  const urls = {
    gateway: NOWHERE,
    cloudflare: NOWHERE,
    koyeb: NOWHERE,
    fly: NOWHERE,
    issuer: NOWHERE,
    database: NOWHERE,
    notion: NOWHERE,
    broker: NOWHERE,
    control: NOWHERE,
    origins,
  };
  return joinEnvironment({ ...urls, github: github.url }, SANDBOX_ACCOUNTS, context.tokens, urls.database);
}

describeClients(["gh"], environment, (run) => {
  it("sets repository and environment secrets from stdin, sealed with the right key", async () => {
    expect(await run(["secret", "set", "FOR_REPOSITORY", "-R", REPO], "one\n")).toMatchObject({ exitCode: 0 });
    expect(await run(["secret", "set", "FOR_ENVIRONMENT", "-R", REPO, "--env", "production"], "two")).toMatchObject({
      exitCode: 0,
    });
    expect(github.reveal("FOR_REPOSITORY")).toBe("one");
    expect(github.reveal("FOR_ENVIRONMENT", "production")).toBe("two");
    expect(github.reveal("FOR_ENVIRONMENT")).toBeUndefined();
  });

  it("makes exactly two calls for a secret: the public key, then the sealed value", async () => {
    const before = context.faults.calls.length;
    await run(["secret", "set", "COUNTED", "-R", REPO], "value");
    expect(context.faults.calls.slice(before).map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual(
      [`GET /repos/${REPO}/actions/secrets/public-key 200`, `PUT /repos/${REPO}/actions/secrets/COUNTED 201`],
    );
  });

  it("uploads an empty value without a word, as on the real platform: refusing it is the writer's duty", async () => {
    expect(await run(["secret", "set", "EMPTY", "-R", REPO], "")).toMatchObject({ exitCode: 0 });
    expect(github.reveal("EMPTY")).toBe("");
  });

  it("lists and deletes secrets", async () => {
    await run(["secret", "set", "SHORT_LIVED", "-R", REPO, "--env", "production"], "x");
    expect(await run(["secret", "list", "-R", REPO, "--env", "production"])).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining("SHORT_LIVED"),
    });
    expect(await run(["secret", "delete", "SHORT_LIVED", "-R", REPO, "--env", "production"])).toMatchObject({
      exitCode: 0,
    });
    expect(github.reveal("SHORT_LIVED", "production")).toBeUndefined();
  });

  it("calls any endpoint with `gh api`: environments, variables, refs", async () => {
    expect(await run(["api", "-X", "PUT", `repos/${REPO}/environments/staging`, "--jq", ".name"])).toEqual({
      exitCode: 0,
      text: "staging",
    });
    expect(
      await run(["api", `repos/${REPO}/environments/staging/variables`, "-f", "name=LIVE", "-f", "value=a:0"]),
    ).toMatchObject({
      exitCode: 0,
    });
    expect(await run(["api", `repos/${REPO}/environments/staging/variables/LIVE`, "--jq", ".value"])).toEqual({
      exitCode: 0,
      text: "a:0",
    });
    const main = await run(["api", `repos/${REPO}/git/ref/heads/main`, "--jq", ".object.sha"]);
    expect(main.text).toBe(github.repository.git.refs.get("refs/heads/main"));
    for (const name of ["PAGE_A", "PAGE_B"]) await run(["secret", "set", name, "-R", REPO], "x");
    const pages = await run([
      "api",
      "--paginate",
      `repos/${REPO}/actions/secrets?per_page=1`,
      "--jq",
      ".secrets[].name",
    ]);
    expect(pages.text.split("\n")).toEqual(github.repository.vault.list().map(({ name }) => name));
  });

  it("sets a variable of an environment, for which it asks GraphQL for the repository's id", async () => {
    const query =
      "query RepositoryInfo($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { databaseId } }";
    const asked = ["api", "graphql", "-f", `query=${query}`, "-F", "owner=sandbox-org", "-F", "name=mcp"];
    const { exitCode, text } = await run([...asked, "--jq", ".data.repository.databaseId"]);
    expect([exitCode, text]).toEqual([0, String(github.repository.id)]);
    // What the command asks in gh 2.60 and later, which has it.
    const map = 'query MapRepositoryNames { repo_000: repository(owner: "sandbox-org", name: "mcp") { databaseId } }';
    expect(await run(["api", "graphql", "-f", `query=${map}`, "--jq", ".data.repo_000.databaseId"])).toEqual({
      exitCode: 0,
      text,
    });
    const path = `repositories/${text}/environments/production/variables`;
    expect(await run(["api", path, "-f", "name=FROM_GH", "-f", "value=1"])).toMatchObject({ exitCode: 0 });
  });

  it("shows GitHub's own sentence when it is refused", async () => {
    const wrong = await run(["secret", "set", "X", "-R", REPO], "v", {
      GH_TOKEN: "ghp_wrong",
      GITHUB_TOKEN: "ghp_wrong",
    });
    expect(wrong.exitCode).not.toBe(0);
    expect(wrong.text).toContain("HTTP 401: Bad credentials");
    const absent = await run(["secret", "set", "X", "-R", "sandbox-org/absent"], "v");
    expect(absent).toMatchObject({ text: expect.stringContaining("HTTP 404") });
    const named = await run(["secret", "set", "GITHUB_X", "-R", REPO], "v");
    expect(named).toMatchObject({ text: expect.stringContaining("HTTP 422") });
    context.faults.add({
      vendor: "github",
      effect: { kind: "status", when: "before", status: 429, retryAfterSeconds: 1 },
    });
    expect(await run(["secret", "set", "X", "-R", REPO], "v")).toMatchObject({
      text: expect.stringContaining("HTTP 429"),
    });
  });

  it("knows who it is", async () => {
    expect(await run(["auth", "status", "-h", "github.localhost"])).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining("Logged in to github.localhost as sandbox-operator"),
    });
  });
});

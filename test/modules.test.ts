/**
 * The modules github and notion for real: a client's call goes through the gateway in workerd to an origin's process, which gets the
 * user's token from the token broker and asks the provider's emulator. Nothing in between is a stub.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CONNECTED_USER, loginOf } from "../sandbox/accounts.ts";
import type { FaultEffect, VendorName } from "../sandbox/vendors/faults.ts";
import { userId } from "../sandbox/vendors/idp/tokens.ts";
import { startCloud, type Cloud } from "./module-cloud.ts";

const LOGIN = loginOf(CONNECTED_USER);
const MCP = { owner: "sandbox-org", repo: "mcp" };
/** Everything that must not be seen anywhere, collected while tokens come and go. */
const secrets = new Set<string>();
let cloud: Cloud;

beforeAll(async () => {
  cloud = await startCloud();
});
afterAll(() => cloud?.close());
beforeEach(() => cloud.reset());

const remember = (): void => {
  for (const { users } of [cloud.sandbox.github, cloud.sandbox.notion])
    for (const secret of users.secrets()) secrets.add(secret);
  secrets.add(cloud.sandbox.broker.secret);
};
/** Calls to a vendor while `work` runs, as `METHOD path status`. */
async function during(vendor: VendorName, work: () => Promise<unknown>): Promise<readonly string[]> {
  const { calls } = cloud.sandbox.faults;
  const before = calls.length;
  await work();
  return calls
    .slice(before)
    .filter((call) => call.vendor === vendor)
    .map(({ method, path, status }) => `${method} ${path.split("?")[0]} ${status}`);
}
const github = (tool: string, params: Record<string, unknown>, options = {}) =>
  cloud.call("github", tool, params, options);
const notion = (tool: string, params: Record<string, unknown>, options = {}) =>
  cloud.call("notion", tool, params, options);
const getIssue = (number = 1) => github("get_issue", { ...MCP, number });
const REFRESH = { github: "POST /login/oauth/access_token", notion: "POST /v1/oauth/token" } as const;

describe("tools of the modules, end to end", () => {
  it("github: a repository is found, an issue is opened, listed, read and commented on", async () => {
    const { value: found } = await github("search_repositories", { query: "mcp org:sandbox-org" });
    expect(found).toMatchObject({
      total: 1,
      repositories: [{ name: "sandbox-org/mcp", private: true }],
      nextPage: null,
    });
    const { value: made } = await github("create_issue", {
      ...MCP,
      title: "From a tool",
      body: "Hello",
      labels: ["bug"],
    });
    expect(made).toMatchObject({
      title: "From a tool",
      state: "open",
      author: LOGIN,
      labels: ["bug"],
      isPullRequest: false,
    });
    expect((await github("comment", { ...MCP, number: made.number, body: "More" })).value).toMatchObject({
      url: expect.stringContaining(`/issues/${made.number}#issuecomment-`),
    });
    expect((await getIssue(made.number)).value).toMatchObject({ number: made.number, body: "Hello", comments: 1 });
    expect((await github("list_issues", { ...MCP })).value.issues[0]).toMatchObject({ number: made.number });
  });

  it("notion: a page is found, created with paragraphs, appended to and read", async () => {
    const [home] = (await notion("search", { query: "sandbox home" })).value.results;
    expect(home).toMatchObject({ kind: "page", title: "Sandbox home", archived: false });
    const { value: made } = await notion("create_page", {
      parentId: home.id,
      title: "Plan",
      paragraphs: ["one", "two"],
    });
    expect(made).toMatchObject({ title: "Plan", url: expect.stringContaining("https://www.notion.so/Plan-") });
    expect((await notion("append_blocks", { id: made.id, paragraphs: ["three"] })).value).toEqual({ appended: 1 });
    const { value: page } = await notion("get_page", { id: made.id });
    expect(page.blocks).toEqual(
      ["one", "two", "three"].map((text) => ({ type: "paragraph", text, hasChildren: false })),
    );
    expect(page.nextCursor).toBeNull();
  });

  it("github: every page is reached by nextPage, and the last one says so", async () => {
    const { owner, repo } = { owner: MCP.owner, repo: "many" };
    const repository = cloud.sandbox.github.state.create(repo);
    for (let n = 1; n <= 5; n++) repository.issues.open({ title: `Issue ${n}`, author: LOGIN, pullRequest: n === 3 });
    const numbers: number[] = [];
    let page: number | null = 1;
    while (page !== null) {
      const { value } = await github("list_issues", { owner, repo, page, perPage: 2 });
      numbers.push(...value.issues.map((issue: { number: number }) => issue.number));
      page = value.nextPage;
    }
    expect(numbers).toEqual([5, 4, 3, 2, 1]);
    for (const name of ["paged-a", "paged-b", "paged-c"]) cloud.sandbox.github.state.create(name);
    const first = await github("search_repositories", { query: "paged", perPage: 2 });
    expect(first.value).toMatchObject({ total: 3, nextPage: 2 });
    const last = await github("search_repositories", { query: "paged", perPage: 2, page: 2 });
    expect(last.value).toMatchObject({ repositories: [{ name: "sandbox-org/paged-c" }], nextPage: null });
  });

  it("notion: every page is reached by nextCursor, and the last one says so", async () => {
    const { workspace } = cloud.sandbox.notion;
    const long = workspace.createPage("Long");
    for (let n = 0; n < 150; n++) workspace.append(long.id, "paragraph", `line ${n}`);
    for (let n = 0; n < 3; n++) workspace.createPage(`Chapter ${n}`);
    const lines: string[] = [];
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const { value } = await notion("get_page", { id: long.id, ...(cursor === undefined ? {} : { cursor }) });
      lines.push(...value.blocks.map((block: { text: string }) => block.text));
      cursor = value.nextCursor;
    }
    expect(lines).toEqual(Array.from({ length: 150 }, (_, n) => `line ${n}`));
    const first = (await notion("search", { query: "chapter", pageSize: 2 })).value;
    const rest = (await notion("search", { query: "chapter", pageSize: 2, cursor: first.nextCursor })).value;
    expect([first.results.length, rest.results.length, rest.nextCursor]).toEqual([2, 1, null]);
  });

  it("a user without an account is told to connect one, and a user without a grant finds no such tool", async () => {
    const text = "Connect your account for this module first.";
    expect((await github("list_issues", MCP, { user: 2 })).error).toBe(text);
    expect((await notion("search", { query: "" }, { user: 2 })).error).toBe(text);
    const refused = await github("list_issues", MCP, { user: 20 });
    expect(refused).toEqual(await cloud.call("nothing", "here", {}, { user: 20 }));
    expect(refused.value).toBeNull();
  });
});

describe("failures of a provider, end to end", () => {
  const before = (effect: Omit<FaultEffect & { kind: "status" }, "kind" | "when">): FaultEffect => ({
    kind: "status",
    when: "before",
    ...effect,
  });
  const faults: readonly (readonly [string, FaultEffect, string])[] = [
    ["429", before({ status: 429, retryAfterSeconds: 7 }), "limits requests. Try again in 7 seconds."],
    ["500", before({ status: 500 }), "is not available. Try again later."],
    ["503", before({ status: 503 }), "is not available. Try again later."],
    ["a reset", { kind: "reset", when: "before" }, "did not answer in time."],
    ["a lost reply", { kind: "reset", when: "lost" }, "did not answer in time."],
  ];
  it.each(faults)("%s is explained in words of ours by both modules", async (_, effect, text) => {
    for (const vendor of ["github", "notion"] as const)
      cloud.sandbox.faults.add({ vendor, path: "^/(repos|v1/search)", effect });
    expect((await getIssue()).error).toBe(`GitHub ${text}`);
    expect((await notion("search", { query: "" })).error).toBe(`Notion ${text}`);
  });

  it("GitHub's secondary limit, a 403 with retry-after, is a limit and not a refusal", async () => {
    cloud.sandbox.faults.add({
      vendor: "github",
      path: "/issues",
      effect: before({ status: 403, retryAfterSeconds: 60 }),
    });
    expect((await getIssue()).error).toBe("GitHub limits requests. Try again in 60 seconds.");
  });

  it("limits that the providers count themselves say how long to wait", async () => {
    const { sandbox } = cloud;
    const search = (path: string, token: string) =>
      fetch(sandbox.urls.github + path, { headers: { authorization: `Bearer ${token}`, "user-agent": "test" } });
    const { accessToken } = sandbox.github.users.issue(LOGIN);
    for (let n = 0; n < 30; n++) await (await search("/search/repositories?q=mcp", accessToken)).body?.cancel();
    const pattern = /limits requests\. Try again in ([1-9]|[1-5]\d|6[01]) seconds\.$/;
    expect((await github("search_repositories", { query: "mcp" })).error).toMatch(pattern);
    const { accessToken: forNotion } = sandbox.notion.users.issue(LOGIN);
    for (let n = 0; n < 180; n++) {
      const headers = { authorization: `Bearer ${forNotion}`, "notion-version": "2022-06-28" };
      await (await fetch(`${sandbox.urls.notion}/v1/search`, { method: "POST", headers })).body?.cancel();
    }
    expect((await notion("search", { query: "" })).error).toMatch(pattern);
  });

  it("404, 410, 403 and refused parameters are told apart", async () => {
    const { github: vendor, notion: workspaceOf } = cloud.sandbox;
    const hidden = "has nothing under this name, or hides it from your account.";
    expect((await getIssue(999)).error).toBe(`GitHub ${hidden}`);
    vendor.state.create("closed-for-issues", { has_issues: false });
    expect((await github("list_issues", { ...MCP, repo: "closed-for-issues" })).error).toBe(`GitHub ${hidden}`);
    vendor.state.create("museum", { archived: true });
    const denied = "does not allow this for your account.";
    expect((await github("create_issue", { ...MCP, repo: "museum", title: "x" })).error).toBe(`GitHub ${denied}`);
    expect((await github("search_repositories", { query: "mcp", perPage: 50, page: 100 })).error).toBe(
      "GitHub did not accept the parameters.",
    );
    const page = workspaceOf.workspace.createPage("Read only");
    expect((await notion("get_page", { id: randomUUID() })).error).toBe(`Notion ${hidden}`);
    expect((await notion("search", { query: "", cursor: "elsewhere" })).error).toBe(
      "Notion did not accept the parameters.",
    );
    workspaceOf.workspace.canWrite = false;
    expect((await notion("append_blocks", { id: page.id, paragraphs: ["x"] })).error).toBe(`Notion ${denied}`);
  });

  it("a redirect is not followed, neither for reading nor for writing", async () => {
    const { state } = cloud.sandbox.github;
    state.rename(state.create("old-name"), "new-name");
    const text = "GitHub answered with a redirect, which is not followed.";
    // Of a user whose old tokens no origin remembers.
    const user = { user: 5 };
    await cloud.connect(5);
    const calls = await during("github", async () => {
      expect((await github("list_issues", { ...MCP, repo: "old-name" }, user)).error).toBe(text);
      expect((await github("create_issue", { ...MCP, repo: "old-name", title: "x" }, user)).error).toBe(text);
    });
    expect(calls).toEqual([
      "GET /repos/sandbox-org/old-name/issues 301",
      "POST /repos/sandbox-org/old-name/issues 307",
    ]);
  });

  it("a write whose reply is lost is not repeated, and is not called a success", async () => {
    const { faults, github: vendor, notion: workspaceOf } = cloud.sandbox;
    const { issues } = vendor.repository;
    const page = workspaceOf.workspace.createPage("Once");
    const count = issues.list("all").length;
    const user = { user: 4 };
    await cloud.connect(4);
    for (const name of ["github", "notion"] as const)
      faults.add({ vendor: name, path: "/(issues|children)$", effect: { kind: "reset", when: "lost" } });
    const calls = await during("github", async () => {
      expect((await github("create_issue", { ...MCP, title: "once" }, user)).error).toBe(
        "GitHub did not answer in time.",
      );
    });
    expect([calls.length, issues.list("all").length]).toEqual([1, count + 1]);
    expect((await notion("append_blocks", { id: page.id, paragraphs: ["once"] }, user)).error).toBe(
      "Notion did not answer in time.",
    );
    expect(workspaceOf.workspace.children(page.id)).toHaveLength(1);
  });

  it.each(["github", "notion"] as const)("%s: a client that goes away ends the call that hangs", async (vendor) => {
    const { faults } = cloud.sandbox;
    faults.add({ vendor, path: "^/(repos|v1/search)", effect: { kind: "hang", when: "before", ms: 60_000 } });
    const controller = new AbortController();
    const before = faults.calls.length;
    const hanging = (
      vendor === "github"
        ? github("get_issue", { ...MCP, number: 1 }, controller)
        : notion("search", { query: "" }, controller)
    ).catch(() => null);
    const upstream = () => faults.calls.slice(before).filter((call) => call.vendor === vendor);
    await expect.poll(() => upstream().length).toBe(1);
    expect(upstream()[0]?.gone).toBe(false);
    controller.abort();
    expect(await hanging).toBeNull();
    await expect.poll(() => upstream()[0]?.gone).toBe(true);
  });
});

describe("tokens of a user, end to end", () => {
  const read = (vendor: "github" | "notion") => (vendor === "github" ? getIssue() : notion("search", { query: "" }));
  const both = ["github", "notion"] as const;

  it.each(both)(
    "%s: a token that ended is refreshed once for calls that come together, and the calls succeed",
    async (vendor) => {
      await read(vendor);
      cloud.sandbox[vendor].users.expire(LOGIN);
      const calls = await during(vendor, async () => {
        const told = await Promise.all(Array.from({ length: 4 }, () => read(vendor)));
        expect(told.map(({ error }) => error)).toEqual(["", "", "", ""]);
      });
      expect(calls.filter((call) => call === `${REFRESH[vendor]} 200`)).toHaveLength(1);
      expect(calls.filter((call) => call.endsWith("401")).length).toBeGreaterThan(0);
      remember();
    },
  );

  it("github: a write that met an ended token is sent again with the new one, and is done once", async () => {
    await getIssue();
    const { issues } = cloud.sandbox.github.repository;
    const count = issues.list("all").length;
    cloud.sandbox.github.users.expire(LOGIN);
    expect((await github("create_issue", { ...MCP, title: "after a refresh" })).error).toBe("");
    expect(issues.list("all")).toHaveLength(count + 1);
  });

  it("github: a token that is about to end is refreshed before it is used", async () => {
    const { users } = cloud.sandbox.github;
    const { accessToken, refreshToken } = users.issue("sandbox-user-3");
    const secret = JSON.stringify({ access_token: accessToken, refresh_token: refreshToken });
    await cloud.admin.query("select mcpist.connect_account($1::uuid, 'github', $2, '{}', 30)", [userId(3), secret]);
    const calls = await during("github", async () => {
      expect((await github("get_issue", { ...MCP, number: 1 }, { user: 3 })).error).toBe("");
    });
    expect(calls).toEqual([`${REFRESH.github} 200`, "GET /repos/sandbox-org/mcp/issues/1 200"]);
    expect(users.userOf(accessToken)).toBeNull();
  });

  it.each(both)(
    "%s: after the user took it back, the answer is to connect again, and connecting again works",
    async (vendor) => {
      await read(vendor);
      cloud.sandbox[vendor].users.revoke(LOGIN);
      const calls = await during(vendor, async () => {
        for (let n = 0; n < 2; n++)
          expect((await read(vendor)).error).toBe("Connect your account for this module first.");
      });
      expect(calls.filter((call) => call.startsWith(REFRESH[vendor]))).toHaveLength(1);
      const { rows } = await cloud.admin.query(
        "select status from mcpist.connections where user_id = $1::uuid and module_id = $2",
        [userId(1), vendor],
      );
      expect(rows).toEqual([{ status: "broken" }]);
      await cloud.connect(CONNECTED_USER);
      expect((await read(vendor)).error).toBe("");
    },
  );

  it.each(both)(
    "%s: while the token endpoint is away the answer is to try later, and the connection stays",
    async (vendor) => {
      const { faults } = cloud.sandbox;
      await read(vendor);
      cloud.sandbox[vendor].users.expire(LOGIN);
      const rule = faults.add({ vendor, path: "oauth", effect: { kind: "status", when: "before", status: 503 } });
      expect((await read(vendor)).error).toBe("Temporarily unavailable. Try again later.");
      faults.remove(rule);
      expect((await read(vendor)).error).toBe("");
    },
  );

  it("no token, no secret and no word of a provider is in an answer, a line, the broker's log or the security log", async () => {
    remember();
    cloud.sandbox.faults.add({
      vendor: "github",
      path: "/issues",
      effect: { kind: "status", when: "before", status: 500 },
      times: 1,
    });
    await getIssue();
    await github("get_issue", { ...MCP, number: 998 });
    await notion("get_page", { id: randomUUID() });
    cloud.sandbox.notion.users.revoke(LOGIN);
    await notion("search", { query: "" });
    await cloud.connect(CONNECTED_USER);
    remember();
    const { rows } = await cloud.admin.query("select to_jsonb(e) as event from mcpist.security_events e");
    expect(rows.length).toBeGreaterThan(0);
    expect(cloud.sandbox.broker.lines.length).toBeGreaterThan(0);
    const texts = JSON.stringify([cloud.seen, cloud.sandbox.broker.lines, rows]);
    expect(secrets.size).toBeGreaterThan(4);
    expect([...secrets].filter((secret) => texts.includes(secret))).toHaveLength(0);
    for (const words of [
      "fault injected",
      "Not Found",
      "Could not find page",
      "API token is invalid",
      "Bad credentials",
      "documentation_url",
    ])
      expect(texts).not.toContain(words);
  });
});

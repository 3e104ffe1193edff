/** Modules github and notion against replies in the shape of the providers' published examples (wire/*.json). */
import { describe, expect, it } from "vitest";
import { Secret } from "./secret.ts";
import { github, nextPage } from "./github.ts";
import type { Module, ToolContext } from "./module.ts";
import { notion } from "./notion.ts";
import { MAX_REPLY_BYTES, urlOf } from "./upstream.ts";
import githubWire from "./wire/github.json" with { type: "json" };
import notionWire from "./wire/notion.json" with { type: "json" };

const TOKEN = "canary-user-token";
interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
  readonly redirect: string;
}

/** A provider that answers by method and path, and remembers what it was asked. */
function provider(answers: Readonly<Record<string, () => Response | Promise<Response>>>) {
  const sent: Sent[] = [];
  const fake = (async (
    url: URL,
    init: { method: string; headers: Record<string, string>; body?: string; redirect: string; signal: AbortSignal },
  ) => {
    sent.push({
      url: url.href,
      method: init.method,
      headers: init.headers,
      body: init.body === undefined ? undefined : (JSON.parse(init.body) as unknown),
      redirect: init.redirect,
    });
    const answer = answers[`${init.method} ${url.pathname}`];
    if (!answer) throw new Error(`not expected: ${init.method} ${url.pathname}`);
    return Promise.race([
      answer(),
      new Promise<never>((_, reject) => init.signal.addEventListener("abort", () => reject(new Error("aborted")))),
    ]);
  }) as unknown as typeof fetch;
  return { sent, fake };
}

const context = (signal = new AbortController().signal): ToolContext => ({
  signal,
  now: () => new Date("2026-11-22T12:00:00Z"),
  userId: "00000000-0000-4000-8000-000000000001",
  progress: null,
  requestId: "r",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  token: async () => new Secret(TOKEN),
});
const run = (module: Module, name: string, params: Record<string, unknown>, signal?: AbortSignal): Promise<unknown> => {
  const found = module.tools.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`no tool ${name}`);
  return found.run(found.input.parse(params), context(signal));
};
const API = "https://api.github.example";
const NOTION = "https://api.notion.example";

describe("module github", () => {
  it("searches repositories, with the user's token, the dated API version and the caller's trace", async () => {
    const link = `<${API}/search/repositories?q=tetris&page=3>; rel="next", <${API}/search/repositories?q=tetris&page=4>; rel="last"`;
    const { sent, fake } = provider({
      "GET /search/repositories": () => Response.json(githubWire.search, { headers: { link } }),
    });
    expect(await run(github(API, fake), "search_repositories", { query: "tetris language:assembly", page: 2 })).toEqual(
      {
        total: 40,
        repositories: [
          {
            name: "dtrupenn/Tetris",
            description: "A C implementation of Tetris using Pennsim through LC4",
            url: "https://github.com/dtrupenn/Tetris",
            stars: 1,
            language: "Assembly",
            private: false,
            archived: true,
            updatedAt: "2013-01-05T17:58:47Z",
          },
        ],
        nextPage: 3,
      },
    );
    expect(sent).toMatchObject([
      {
        url: `${API}/search/repositories?q=tetris+language%3Aassembly&page=2&per_page=10`,
        redirect: "manual",
        headers: {
          authorization: `Bearer ${TOKEN}`,
          "x-github-api-version": "2022-11-28",
          traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
      },
    ]);
  });

  it("lists, reads, opens and comments on issues", async () => {
    const { sent, fake } = provider({
      "GET /repos/octocat/Hello-World/issues": () =>
        Response.json([githubWire.issue, { ...githubWire.issue, pull_request: {} }]),
      "GET /repos/octocat/Hello-World/issues/1347": () => Response.json(githubWire.issue),
      "POST /repos/octocat/Hello-World/issues": () => Response.json(githubWire.issue, { status: 201 }),
      "POST /repos/octocat/Hello-World/issues/1347/comments": () => Response.json(githubWire.comment, { status: 201 }),
    });
    const module = github(API, fake);
    const where = { owner: "octocat", repo: "Hello-World" };
    expect(await run(module, "list_issues", { ...where, state: "all" })).toMatchObject({
      issues: [
        { number: 1347, author: "octocat", labels: ["bug", "plain"], isPullRequest: false },
        { number: 1347, isPullRequest: true },
      ],
      nextPage: null,
    });
    expect(await run(module, "get_issue", { ...where, number: 1347 })).toMatchObject({
      title: "Found a bug",
      body: "I'm having a problem with this.",
    });
    expect(await run(module, "create_issue", { ...where, title: "Found a bug", labels: ["bug"] })).toMatchObject({
      number: 1347,
    });
    expect(await run(module, "comment", { ...where, number: 1347, body: "Me too" })).toMatchObject({ id: 1 });
    expect(sent.map(({ body }) => body)).toEqual([
      undefined,
      undefined,
      { title: "Found a bug", body: "", labels: ["bug"] },
      { body: "Me too" },
    ]);
  });

  it("accepts only names that GitHub could have", () => {
    const input = github(API, fetch).tools.find(({ name }) => name === "get_issue")?.input;
    for (const [owner, repo] of [
      ["..", "x"],
      ["a", ".."],
      ["a", "."],
      ["a/b", "x"],
      ["a", "x/../y"],
      ["-a", "x"],
      ["a", ""],
      ["a", "x?y"],
    ])
      expect(input?.safeParse({ owner, repo, number: 1 }).success).toBe(false);
    for (const owner of ["octocat", "mona-cat_octo", "a"])
      expect(input?.safeParse({ owner, repo: "b", number: 1 }).success).toBe(true);
  });

  it("reads the next page from the Link header", () => {
    expect(nextPage(null)).toBeNull();
    expect(nextPage('<https://x/y?per_page=10&page=2>; rel="next"')).toBe(2);
    expect(nextPage('<https://x/y?page=1>; rel="prev"')).toBeNull();
  });

  const now = Date.parse("2026-11-22T12:00:00Z") / 1000;
  const failures: readonly (readonly [string, () => Response, string])[] = [
    ["401", () => new Response("canary", { status: 401 }), "GitHub no longer accepts the connection"],
    ["403", () => new Response("canary", { status: 403 }), "GitHub does not allow this"],
    ["404", () => new Response("canary", { status: 404 }), "GitHub has nothing under this name"],
    ["422", () => new Response("canary", { status: 422 }), "GitHub did not accept the parameters"],
    [
      "429 with Retry-After",
      () => new Response("canary", { status: 429, headers: { "retry-after": "30" } }),
      "Try again in 30 seconds",
    ],
    [
      "403 at the rate limit",
      () =>
        new Response("canary", {
          status: 403,
          headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now + 90) },
        }),
      "Try again in 90 seconds",
    ],
    ["500", () => new Response("canary", { status: 500 }), "GitHub is not available"],
    ["a redirect", () => Response.redirect("https://evil.example/", 307), "a redirect, which is not followed"],
    ["no JSON", () => new Response("canary <html>"), "GitHub sent something unexpected"],
    ["another shape", () => Response.json({ canary: 1 }), "GitHub sent something unexpected"],
    ["too much", () => new Response("x".repeat(MAX_REPLY_BYTES + 1)), "GitHub sent more than fits"],
  ];
  it.each(failures)("explains %s in words of its own", async (_, answer, text) => {
    const { fake } = provider({ "GET /repos/a/b/issues/1": answer });
    const error: unknown = await run(github(API, fake), "get_issue", { owner: "a", repo: "b", number: 1 }).catch(
      (cause: unknown) => cause,
    );
    expect(String(error)).toContain(text);
    expect(String(error)).not.toContain("canary");
  });

  it.each([
    ["the first refused token is the newest one", 1],
    ["another origin has refreshed it since, and that one has ended too", 2],
  ])("tries again with another token after a 401 when %s, and no more than that", async (_, refusals) => {
    const bearers: string[] = [];
    const fake = (async (_: URL, init: { headers: Record<string, string> }) => {
      bearers.push(init.headers["authorization"] ?? "");
      return bearers.length <= refusals ? new Response("canary", { status: 401 }) : Response.json(githubWire.issue);
    }) as unknown as typeof fetch;
    const token = async (rejected?: Secret): Promise<Secret> => new Secret(`${rejected?.reveal() ?? "token"}+`);
    const getIssue = github(API, fake).tools.find(({ name }) => name === "get_issue");
    expect(await getIssue?.run({ owner: "a", repo: "b", number: 1 }, { ...context(), token })).toMatchObject({
      number: 1347,
    });
    expect(bearers).toEqual(["Bearer token+", "Bearer token++", "Bearer token+++"].slice(0, refusals + 1));
    const refused = (async () => (
      bearers.push(""),
      new Response("canary", { status: 401 })
    )) as unknown as typeof fetch;
    bearers.length = 0;
    await expect(run(github(API, refused), "get_issue", { owner: "a", repo: "b", number: 1 })).rejects.toThrow(
      "no longer accepts",
    );
    expect(bearers).toHaveLength(1);
  });

  it("stops when the request is cancelled", async () => {
    const controller = new AbortController();
    const { fake } = provider({ "GET /repos/a/b/issues/1": () => new Promise<Response>(() => {}) });
    const running = run(github(API, fake), "get_issue", { owner: "a", repo: "b", number: 1 }, controller.signal);
    setTimeout(() => controller.abort(), 10);
    await expect(running).rejects.toThrow("GitHub did not answer in time.");
  });
});

describe("module notion", () => {
  it("searches pages and databases, page by page", async () => {
    const { sent, fake } = provider({ "POST /v1/search": () => Response.json(notionWire.search) });
    expect(await run(notion(NOTION, fake), "search", { query: "kale", cursor: "c1" })).toMatchObject({
      results: [
        { id: "954b67f9-3f87-41db-8874-23b92bbd31ee", kind: "page", title: "Tuscan kale" },
        { kind: "database", title: "Grocery List" },
      ],
      nextCursor: "af8a1b2c-0000-4000-8000-000000000001",
    });
    expect(sent).toMatchObject([
      { headers: { "notion-version": "2022-06-28" }, body: { query: "kale", page_size: 10, start_cursor: "c1" } },
    ]);
  });

  it("reads a page with its blocks, creates one and appends", async () => {
    const id = "59833787-2cf9-4fdf-8782-e53db20768a5";
    const { sent, fake } = provider({
      [`GET /v1/pages/${id}`]: () => Response.json(notionWire.page),
      [`GET /v1/blocks/${id}/children`]: () => Response.json(notionWire.blocks),
      "POST /v1/pages": () => Response.json(notionWire.page),
      [`PATCH /v1/blocks/${id}/children`]: () => Response.json(notionWire.appended),
    });
    const module = notion(NOTION, fake);
    expect(await run(module, "get_page", { id })).toMatchObject({
      title: "Recipes",
      blocks: [
        { type: "heading_2", text: "Lacinato kale", hasChildren: false },
        { type: "paragraph", text: "A variety of kale", hasChildren: true },
        { type: "divider", text: "" },
      ],
      nextCursor: null,
    });
    expect(await run(module, "create_page", { parentId: id, title: "Recipes", paragraphs: ["One"] })).toMatchObject({
      title: "Recipes",
    });
    expect(await run(module, "append_blocks", { id, paragraphs: ["One", "Two"] })).toEqual({ appended: 2 });
    expect(sent.at(-2)?.body).toMatchObject({
      parent: { page_id: id },
      children: [{ paragraph: { rich_text: [{ text: { content: "One" } }] } }],
    });
  });

  it("takes ids only", () => {
    const input = notion(NOTION, fetch).tools.find(({ name }) => name === "get_page")?.input;
    for (const id of ["..", "../users", "x", "59833787-2cf9-4fdf-8782-e53db20768a5/../../users"])
      expect(input?.safeParse({ id }).success).toBe(false);
  });
});

describe("addresses of a provider", () => {
  it("cannot be left by a path segment", () => {
    expect(urlOf(`${API}/base`, ["a/b", "c?d#e", "f\\g"]).href).toBe(`${API}/base/a%2Fb/c%3Fd%23e/f%5Cg`);
    for (const segment of ["", ".", ".."])
      expect(() => urlOf(API, ["a", segment])).toThrow("empty or consists of dots");
  });
});

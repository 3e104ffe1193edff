/** Module `github`: repositories and issues through the REST API, with the token of the calling user. */
import { z } from "zod";
import { GITHUB_OWNER, GITHUB_REPOSITORY } from "../../contract/names.ts";
import { tool, type Module } from "./module.ts";
import { createUpstream } from "./upstream.ts";

const owner = z.string().regex(GITHUB_OWNER.shape, GITHUB_OWNER.words).describe("User or organisation");
const repo = z.string().regex(GITHUB_REPOSITORY.shape, GITHUB_REPOSITORY.words).describe("Repository name");
const number = z.int().min(1).max(2_147_483_647).describe("Issue number");
const page = z.int().min(1).max(100).default(1);
const perPage = z.int().min(1).max(50).default(10);

const repositoryShape = z.object({
  full_name: z.string(),
  description: z.string().nullable(),
  html_url: z.string(),
  stargazers_count: z.int(),
  language: z.string().nullable(),
  private: z.boolean(),
  archived: z.boolean().default(false),
  updated_at: z.string(),
});
const issueShape = z.object({
  number: z.int(),
  title: z.string(),
  state: z.string(),
  html_url: z.string(),
  user: z.object({ login: z.string() }).nullable(),
  labels: z.array(z.union([z.string(), z.object({ name: z.string().optional() })])).default([]),
  comments: z.int().default(0),
  created_at: z.string(),
  updated_at: z.string(),
  body: z.string().nullable().default(null),
  pull_request: z.unknown().optional(),
});
const commentShape = z.object({ id: z.number(), html_url: z.string(), created_at: z.string() });

const repository = (raw: z.output<typeof repositoryShape>) => ({
  name: raw.full_name,
  description: raw.description,
  url: raw.html_url,
  stars: raw.stargazers_count,
  language: raw.language,
  private: raw.private,
  archived: raw.archived,
  updatedAt: raw.updated_at,
});
const issue = (raw: z.output<typeof issueShape>) => ({
  number: raw.number,
  title: raw.title,
  state: raw.state,
  url: raw.html_url,
  author: raw.user?.login ?? null,
  labels: raw.labels.map((label) => (typeof label === "string" ? label : (label.name ?? ""))),
  comments: raw.comments,
  createdAt: raw.created_at,
  updatedAt: raw.updated_at,
  isPullRequest: raw.pull_request !== undefined,
});

/** The page after this one according to the `Link` header, or null on the last page. */
export function nextPage(link: string | null): number | null {
  const next = link?.split(",").find((part) => /;\s*rel="?next"?/.test(part));
  const found = next && /[?&]page=(\d{1,6})/.exec(next)?.[1];
  return found ? Number(found) : null;
}

/** Builds the module. `baseUrl` without a trailing slash. */
export function github(baseUrl: string, fetch: typeof globalThis.fetch): Module {
  const call = createUpstream({
    provider: "GitHub",
    baseUrl,
    headers: { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28", "user-agent": "mcpist" },
    fetch,
  });
  const reading = { readOnly: true, idempotent: true, destructive: false } as const;
  const writing = { readOnly: false, idempotent: false, destructive: false } as const;
  return {
    name: "github",
    description: "GitHub repositories and issues",
    network: true,
    scopes: ["repo"],
    tools: [
      tool({
        name: "search_repositories",
        description: "Finds repositories by GitHub's search syntax",
        input: z.strictObject({ query: z.string().min(1).max(256), page, perPage }),
        ...reading,
        run: async ({ query, page, perPage }, context) => {
          const shape = z.object({ total_count: z.int(), items: z.array(repositoryShape) });
          const { value, link } = await call(
            { method: "GET", path: ["search", "repositories"], query: { q: query, page, per_page: perPage }, shape },
            context,
            await context.token(),
          );
          return { total: value.total_count, repositories: value.items.map(repository), nextPage: nextPage(link) };
        },
      }),
      tool({
        name: "list_issues",
        description: "Lists issues and pull requests of a repository, newest first",
        input: z.strictObject({ owner, repo, state: z.enum(["open", "closed", "all"]).default("open"), page, perPage }),
        ...reading,
        run: async ({ owner, repo, state, page, perPage }, context) => {
          const { value, link } = await call(
            {
              method: "GET",
              path: ["repos", owner, repo, "issues"],
              query: { state, page, per_page: perPage },
              shape: z.array(issueShape),
            },
            context,
            await context.token(),
          );
          return { issues: value.map(issue), nextPage: nextPage(link) };
        },
      }),
      tool({
        name: "get_issue",
        description: "One issue with its text",
        input: z.strictObject({ owner, repo, number }),
        ...reading,
        run: async ({ owner, repo, number }, context) => {
          const { value } = await call(
            { method: "GET", path: ["repos", owner, repo, "issues", String(number)], shape: issueShape },
            context,
            await context.token(),
          );
          return { ...issue(value), body: value.body };
        },
      }),
      tool({
        name: "create_issue",
        description: "Opens an issue",
        input: z.strictObject({
          owner,
          repo,
          title: z.string().min(1).max(256),
          body: z.string().max(65_536).default(""),
          labels: z.array(z.string().min(1).max(50)).max(20).default([]),
        }),
        ...writing,
        run: async ({ owner, repo, title, body, labels }, context) => {
          const { value } = await call(
            {
              method: "POST",
              path: ["repos", owner, repo, "issues"],
              body: { title, body, labels },
              shape: issueShape,
            },
            context,
            await context.token(),
          );
          return issue(value);
        },
      }),
      tool({
        name: "comment",
        description: "Comments on an issue or pull request",
        input: z.strictObject({ owner, repo, number, body: z.string().min(1).max(65_536) }),
        ...writing,
        run: async ({ owner, repo, number, body }, context) => {
          const { value } = await call(
            {
              method: "POST",
              path: ["repos", owner, repo, "issues", String(number), "comments"],
              body: { body },
              shape: commentShape,
            },
            context,
            await context.token(),
          );
          return { id: value.id, url: value.html_url, createdAt: value.created_at };
        },
      }),
    ],
  };
}

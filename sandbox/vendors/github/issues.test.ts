import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createContext } from "../context.ts";
import type { VendorContext } from "../vendor.ts";
import { startGithub, type Github } from "./github.ts";

const REPO = "/repos/sandbox-org/mcp";
const ISSUES = `${REPO}/issues`;
let context: VendorContext;
let github: Github;
let token: string;

beforeEach(async () => {
  context = createContext({ log: () => undefined });
  github = await startGithub(context, { owner: "sandbox-org", repo: "mcp" });
  token = github.users.issue("octo").accessToken;
});
afterEach(() => github.close());

async function call(method: string, path: string, body?: unknown, bearer = token) {
  const response = await fetch(github.url + path, {
    method,
    headers: { authorization: `Bearer ${bearer}`, "user-agent": "test" },
    redirect: "manual",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, json: await response.json() };
}
const refresh = (fields: Record<string, string>, accept = "application/json") =>
  fetch(`${github.url}/login/oauth/access_token`, {
    method: "POST",
    headers: { accept },
    body: new URLSearchParams(fields),
  });

describe("issues of the GitHub emulator", () => {
  it("ignore nothing that would change the answer", async () => {
    await call("POST", ISSUES, { title: "One" });
    for (const [method, path, body] of [
      ["GET", `${ISSUES}?labels=bug`],
      ["GET", `${ISSUES}?state=open&sort=comments`],
      ["GET", `${ISSUES}/1/comments?since=2026-01-01T00:00:00Z`],
      ["POST", ISSUES, { title: "Two", assignees: ["octo"] }],
      ["POST", `${ISSUES}/1/comments`, { body: "x", minimized: true }],
      ["GET", "/search/repositories?q=mcp&sort=stars"],
    ] as const)
      expect([
        path,
        (await call(method, path, body)).status,
        ((await call("GET", ISSUES)).json as unknown[]).length,
      ]).toEqual([path, 404, 1]);
  });

  it("are opened with labels, read, commented on and listed newest first", async () => {
    const made = await call("POST", ISSUES, { title: "One", body: "text", labels: ["bug", { name: "new label" }] });
    expect([made.status, made.json]).toMatchObject([
      201,
      {
        number: 1,
        state: "open",
        user: { login: "octo" },
        labels: [{ name: "bug" }, { name: "new label" }],
        comments: 0,
      },
    ]);
    expect((await call("POST", `${ISSUES}/1/comments`, { body: "hello" })).json).toMatchObject({
      body: "hello",
      user: { login: "octo" },
    });
    github.repository.issues.open({ title: "Two", author: "octo", pullRequest: true });
    const listed = (await call("GET", ISSUES)).json as { number: number; comments: number; pull_request?: unknown }[];
    expect(listed.map(({ number, comments, pull_request: pull }) => [number, comments, pull !== undefined])).toEqual([
      [2, 0, true],
      [1, 1, false],
    ]);
  });

  it("come in pages that the Link header names, and by state", async () => {
    for (let n = 0; n < 5; n++) github.repository.issues.open({ title: `Issue ${n}`, author: "octo" });
    github.repository.issues.find(1)!.state = "closed";
    const first = await call("GET", `${ISSUES}?per_page=2&state=all`);
    expect(first.json).toHaveLength(2);
    expect(first.headers.get("link")).toMatch(/[?&]page=2>; rel="next".*[?&]page=3>; rel="last"/);
    expect((await call("GET", `${ISSUES}?per_page=2&state=all&page=3`)).headers.get("link")).not.toContain("next");
    expect((await call("GET", `${ISSUES}?state=closed`)).json).toMatchObject([{ number: 1, state: "closed" }]);
    expect((await call("GET", `${ISSUES}?state=lost`)).status).toBe(422);
  });

  it.each([
    ["no title", { body: "x" }, { resource: "Issue", field: "title", code: "missing_field" }],
    ["a title that is too long", { title: "x".repeat(257) }, { resource: "Issue", field: "title", code: "custom" }],
    [
      "a body that is too long",
      { title: "x", body: "x".repeat(65_537) },
      { resource: "Issue", field: "body", code: "custom" },
    ],
    ["labels that are none", { title: "x", labels: [7] }, { resource: "Label", field: "name", code: "invalid" }],
  ])("are refused with 422 for %s", async (_, body, error) => {
    const { status, json } = await call("POST", ISSUES, body);
    expect([status, json]).toMatchObject([422, { message: "Validation Failed", errors: [error], status: "422" }]);
  });

  it("answer 404, 410, 403 and redirects as the platform does", async () => {
    const { issues } = github.repository;
    issues.open({ title: "gone", author: "octo" }).deleted = true;
    issues.open({ title: "locked", author: "octo" }).locked = true;
    expect((await call("GET", `${ISSUES}/99`)).status).toBe(404);
    expect((await call("GET", "/repos/somebody/else/issues")).status).toBe(404);
    expect((await call("GET", `${ISSUES}/1`)).status).toBe(410);
    expect((await call("POST", `${ISSUES}/2/comments`, { body: "x" })).status).toBe(403);
    github.state.create("off", { has_issues: false });
    expect((await call("GET", "/repos/sandbox-org/off/issues")).status).toBe(410);
    github.state.create("old", { archived: true });
    expect((await call("POST", "/repos/sandbox-org/old/issues", { title: "x" })).status).toBe(403);
    github.state.rename(github.repository, "moved");
    const moved = await call("GET", `${ISSUES}/2`);
    expect([moved.status, moved.headers.get("location")]).toEqual([
      301,
      `${github.url}/repositories/${github.repository.id}/issues/2`,
    ]);
    expect((await call("POST", ISSUES, { title: "x" })).status).toBe(307);
  });
});

describe("search of the GitHub emulator", () => {
  it("finds by words and qualifiers, in pages", async () => {
    for (const name of ["tool-a", "tool-b", "other"])
      github.state.create(name, { description: name === "other" ? "a tool too" : "" });
    const first = await call("GET", "/search/repositories?q=tool+org:sandbox-org&per_page=2");
    expect(first.json).toMatchObject({
      total_count: 3,
      incomplete_results: false,
      items: [{ name: "tool-a" }, { name: "tool-b" }],
    });
    expect(first.headers.get("link")).toContain('rel="next"');
    expect((await call("GET", "/search/repositories?q=tool+org:nobody")).json).toMatchObject({
      total_count: 0,
      items: [],
    });
  });

  it.each([
    ["no query", "q="],
    ["a query that is too long", `q=${"x".repeat(257)}`],
    ["a page beyond the thousandth result", "q=mcp&per_page=100&page=11"],
  ])("answers 422 to %s", async (_, query) => {
    expect((await call("GET", `/search/repositories?${query}`)).status).toBe(422);
  });

  it("answers 403 from the 31st search of a minute on, with its own counters", async () => {
    for (let n = 0; n < 30; n++) expect((await call("GET", "/search/repositories?q=mcp")).status).toBe(200);
    const { status, headers } = await call("GET", "/search/repositories?q=mcp");
    expect([
      status,
      headers.get("x-ratelimit-limit"),
      headers.get("x-ratelimit-remaining"),
      headers.get("x-ratelimit-resource"),
    ]).toEqual([403, "30", "0", "search"]);
    const core = await call("GET", REPO);
    expect([core.status, core.headers.get("x-ratelimit-resource")]).toEqual([200, "core"]);
    expect((await call("GET", "/search/repositories?q=mcp", undefined, context.tokens.github)).status).toBe(200);
  });
});

describe("user tokens of the GitHub emulator", () => {
  it.each([
    ["GET", `${REPO}/actions/secrets`],
    ["PUT", `${REPO}/actions/secrets/NAME`],
    ["GET", `${REPO}/environments`],
    ["POST", `${REPO}/git/refs`],
    ["PATCH", REPO],
    ["DELETE", REPO],
    ["POST", "/graphql"],
  ])("do not reach what is the operator's: %s %s", async (method, path) => {
    const { status, json } = await call(method, path, method === "GET" ? undefined : {});
    expect([status, json]).toMatchObject([403, { message: "Resource not accessible by integration" }]);
  });

  it("say whose they are; the operator's token opens issues under its own name", async () => {
    expect((await call("GET", "/user")).json).toMatchObject({ login: "octo" });
    expect((await call("POST", ISSUES, { title: "x" }, context.tokens.github)).json).toMatchObject({
      user: { login: "sandbox-operator" },
    });
  });

  it("end when they expire, when they are replaced and when they are revoked", async () => {
    const { clientId, clientSecret } = github.users.client;
    const pair = github.users.issue("octo");
    github.users.expire("octo");
    expect((await call("GET", ISSUES, undefined, pair.accessToken)).status).toBe(401);
    const ask = {
      client_id: clientId,
      client_secret: clientSecret,
      grant_type: "refresh_token",
      refresh_token: pair.refreshToken,
    };
    const fresh = (await (await refresh(ask)).json()) as Record<string, unknown>;
    expect(fresh).toMatchObject({
      expires_in: 28_800,
      token_type: "bearer",
      refresh_token: expect.stringMatching(/^ghr_/),
    });
    expect((await call("GET", ISSUES, undefined, String(fresh["access_token"]))).status).toBe(200);
    const again = await refresh(ask);
    expect([again.status, await again.json()]).toMatchObject([200, { error: "bad_refresh_token" }]);
    github.users.revoke("octo");
    expect((await call("GET", ISSUES, undefined, String(fresh["access_token"]))).status).toBe(401);
  });

  it("are given out only to the app, as JSON only to who asks for it", async () => {
    const pair = github.users.issue("octo");
    const { clientId, clientSecret } = github.users.client;
    const ask = { client_id: clientId, grant_type: "refresh_token", refresh_token: pair.refreshToken };
    const basic = await fetch(`${github.url}/login/oauth/access_token`, {
      method: "POST",
      headers: { accept: "application/json", authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
      body: new URLSearchParams(ask),
    });
    expect([basic.status, await basic.json()]).toMatchObject([200, { error: "incorrect_client_credentials" }]);
    const form = await refresh({ ...ask, client_secret: clientSecret }, "*/*");
    expect(new URLSearchParams(await form.text()).get("access_token")).toMatch(/^ghu_/);
  });
});

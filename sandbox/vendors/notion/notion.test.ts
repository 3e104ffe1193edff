import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createContext } from "../context.ts";
import { startNotion, type Notion } from "./notion.ts";

const VERSION = { "notion-version": "2022-06-28" };
const unknown: string[] = [];
let notion: Notion;
let token: string;

beforeEach(async () => {
  unknown.length = 0;
  notion = await startNotion(createContext({ log: (line) => unknown.push(line) }));
  token = notion.users.issue("ada").accessToken;
});
afterEach(() => notion.close());

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = VERSION) {
  const response = await fetch(notion.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, json: (await response.json()) as Record<string, any> }; // oxlint-disable-line typescript/no-explicit-any -- a wire protocol, looked at field by field
}
const paragraph = (content: string) => ({
  object: "block",
  type: "paragraph",
  paragraph: { rich_text: [{ text: { content } }] },
});
const newPage = (parentId: string, title: string, children: unknown[] = []) =>
  call("POST", "/v1/pages", {
    parent: { page_id: parentId },
    properties: { title: { title: [{ text: { content: title } }] } },
    children,
  });

describe("Notion emulator", () => {
  it("creates a page below another one, shows it and finds it by title", async () => {
    const home = notion.workspace.createPage("Home");
    const made = await newPage(home.id.replaceAll("-", ""), "Release plan", [paragraph("one"), paragraph("two")]);
    expect([made.status, made.json]).toMatchObject([
      200,
      { object: "page", parent: { type: "page_id", page_id: home.id } },
    ]);
    const found = await call("POST", "/v1/search", { query: "release" });
    expect(found.json).toMatchObject({
      object: "list",
      results: [{ id: made.json["id"] }],
      has_more: false,
      type: "page_or_database",
    });
    const blocks = await call("GET", `/v1/blocks/${made.json["id"]}/children`);
    expect(blocks.json["results"]).toMatchObject([
      { paragraph: { rich_text: [{ plain_text: "one" }] } },
      { type: "paragraph" },
    ]);
    expect((await call("GET", `/v1/blocks/${home.id}/children`)).json["results"]).toMatchObject([
      { id: made.json["id"], type: "child_page", child_page: { title: "Release plan" }, has_children: true },
    ]);
  });

  it("gives a list in pages whose cursor leads to the next one", async () => {
    const page = notion.workspace.createPage("Long");
    for (let n = 0; n < 5; n++) notion.workspace.append(page.id, "paragraph", `line ${n}`);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const { json } = await call(
        "GET",
        `/v1/blocks/${page.id}/children?page_size=2${cursor === null ? "" : `&start_cursor=${cursor}`}`,
      );
      seen.push(
        ...json["results"].map(
          (block: { paragraph: { rich_text: [{ plain_text: string }] } }) => block.paragraph.rich_text[0].plain_text,
        ),
      );
      cursor = json["next_cursor"];
      expect(json["has_more"]).toBe(cursor !== null);
    } while (cursor !== null);
    expect(seen).toEqual(["line 0", "line 1", "line 2", "line 3", "line 4"]);
  });

  it.each([
    ["a page of more than 100", "POST", "/v1/search", { page_size: 101 }, "body.page_size should be ≤ `100`"],
    ["a cursor that is none", "POST", "/v1/search", { start_cursor: "x" }, "start_cursor provided is invalid"],
    [
      "101 blocks",
      "PATCH",
      "/v1/blocks/PAGE/children",
      { children: Array.from({ length: 101 }, () => paragraph("x")) },
      "body.children.length",
    ],
    [
      "2001 characters",
      "PATCH",
      "/v1/blocks/PAGE/children",
      { children: [paragraph("x".repeat(2001))] },
      "≤ `2000`, instead was `2001`",
    ],
    ["no parent", "POST", "/v1/pages", { properties: {} }, "body.parent should be defined"],
    ["an id that is none", "GET", "/v1/pages/home", undefined, "path.page_id should be a valid uuid"],
  ])("answers 400 validation_error to %s", async (_, method, path, body, message) => {
    const page = notion.workspace.createPage("Home");
    const { status, json } = await call(method, path.replace("PAGE", page.id), body);
    expect([status, json]).toMatchObject([
      400,
      {
        object: "error",
        status: 400,
        code: "validation_error",
        message: expect.stringContaining(message),
        request_id: expect.any(String),
      },
    ]);
  });

  it("answers 400 to a body that is no JSON and to a missing version, 401 to a stranger, 404 to what is not shared", async () => {
    expect((await call("POST", "/v1/search", "{")).json).toMatchObject({ status: 400, code: "invalid_json" });
    expect((await call("POST", "/v1/search", {}, {})).json).toMatchObject({ status: 400, code: "missing_version" });
    expect((await call("POST", "/v1/search", {}, { ...VERSION, authorization: "Bearer ntn_x" })).json).toMatchObject({
      status: 401,
      code: "unauthorized",
    });
    expect((await call("GET", "/v1/pages/00000000-0000-4000-8000-000000000000")).json).toMatchObject({
      status: 404,
      code: "object_not_found",
    });
  });

  it("answers 403 to writes of a connection that may only read, and 400 to writes below an archived page", async () => {
    const page = notion.workspace.createPage("Home");
    page.archived = true;
    const append = () => call("PATCH", `/v1/blocks/${page.id}/children`, { children: [paragraph("x")] });
    expect((await append()).json).toMatchObject({ status: 400, code: "validation_error" });
    notion.workspace.canWrite = false;
    expect((await append()).json).toMatchObject({ status: 403, code: "restricted_resource" });
  });

  it("answers 429 with a wait once a minute's requests are used up", async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 180; n++) statuses.push((await call("POST", "/v1/search", {})).status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const { status, headers, json } = await call("POST", "/v1/search", {});
    expect([status, json["code"], Number(headers.get("retry-after")) >= 1]).toEqual([429, "rate_limited", true]);
  });

  it("reports what it does not imitate", async () => {
    expect((await call("GET", "/v1/users")).status).toBe(404);
    for (const version of ["2025-09-03", "2026-03-11"])
      expect((await call("POST", "/v1/search", {}, { "notion-version": version })).status).toBe(404);
    expect(unknown).toHaveLength(3);
  });

  it("ignores nothing that would change the answer", async () => {
    const page = notion.workspace.createPage("Home");
    const parent = { page_id: page.id };
    const properties = { title: { title: [{ text: { content: "x" } }] } };
    for (const [method, path, body] of [
      ["POST", "/v1/search", { sort: { direction: "ascending" } }],
      ["GET", `/v1/pages/${page.id}?filter_properties=title`],
      ["POST", "/v1/pages", { parent, properties, icon: { emoji: "x" } }],
      ["POST", "/v1/pages", { parent, properties: { ...properties, Status: {} } }],
      ["PATCH", `/v1/blocks/${page.id}/children`, { children: [paragraph("x")], after: page.id }],
      ["PATCH", `/v1/blocks/${page.id}/children`, { children: [paragraph("x")], position: { type: "start" } }],
    ] as const)
      expect([path, (await call(method, path, body)).status]).toEqual([path, 404]);
    expect(unknown).toHaveLength(6);
    expect(notion.workspace.children(page.id)).toEqual([]);
  });
});

describe("token endpoint of the Notion emulator", () => {
  const refresh = (refreshToken: string, headers: Record<string, string> = {}) => {
    const { clientId, clientSecret } = notion.users.client;
    const authorization = `Basic ${btoa(`${clientId}:${clientSecret}`)}`;
    return call(
      "POST",
      "/v1/oauth/token",
      { grant_type: "refresh_token", refresh_token: refreshToken },
      { ...VERSION, authorization, ...headers },
    );
  };

  it("exchanges a refresh token once, and does not say when the new token ends", async () => {
    const pair = notion.users.issue("ada");
    const { status, json } = await refresh(pair.refreshToken);
    expect([status, json]).toMatchObject([200, { token_type: "bearer", access_token: expect.stringMatching(/^ntn_/) }]);
    expect(json).not.toHaveProperty("expires_in");
    expect((await refresh(pair.refreshToken)).json).toMatchObject({ status: 400, code: "invalid_grant" });
    token = json["access_token"] as string;
    expect((await call("POST", "/v1/search", {})).status).toBe(200);
    notion.users.expire("ada");
    expect((await call("POST", "/v1/search", {})).status).toBe(401);
  });

  it("knows its client by Basic, and takes JSON only", async () => {
    const pair = notion.users.issue("ada");
    expect((await refresh(pair.refreshToken, { authorization: "Basic eDp5" })).status).toBe(401);
    expect(
      (await refresh(pair.refreshToken, { "content-type": "application/x-www-form-urlencoded" })).json,
    ).toMatchObject({
      code: "invalid_json",
    });
  });
});

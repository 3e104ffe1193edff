/**
 * Search, pages and blocks of version 2022-06-28, with the published limits.
 * https://developers.notion.com/reference/request-limits#size-limits and the reference of each endpoint.
 */
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import { hasOnly, onlyQuery, type VendorApp } from "../vendor.ts";
import { failure, idOf, invalid, listPage, objectBody, richText } from "./wire.ts";
import { TEXT_BLOCKS, type Block, type Page, type Workspace } from "./workspace.ts";
import { isRecord } from "../../../contract/json.ts";

/** Blocks of one request, elements of one rich text, characters of one text. */
const MAX_BLOCKS = 100;
const MAX_TEXTS = 100;
const MAX_CHARACTERS = 2000;

type Json = Readonly<Record<string, unknown>>;
const iso = (ms: number): string => new Date(ms).toISOString();

/** One block that a caller sent. */
interface Sent {
  readonly type: string;
  readonly text: string;
}
/** Why something that was sent is refused; `unknown` is a block that is not imitated. */
type Refused = { readonly rule: string } | "unknown";

/** Joins a rich text. `at` is its place in the body, for the message. */
function textIn(value: unknown, at: string): string | { readonly rule: string } {
  if (!Array.isArray(value)) return { rule: `${at} should be an array, instead was \`${JSON.stringify(value)}\`.` };
  if (value.length > MAX_TEXTS)
    return { rule: `${at}.length should be ≤ \`${MAX_TEXTS}\`, instead was \`${value.length}\`.` };
  const texts: string[] = [];
  for (const [i, part] of (value as readonly unknown[]).entries()) {
    const content = isRecord(part) && isRecord(part["text"]) ? part["text"]["content"] : undefined;
    if (typeof content !== "string")
      return { rule: `${at}[${i}].text.content should be a string, instead was \`${typeof content}\`.` };
    if (content.length > MAX_CHARACTERS)
      return {
        rule: `${at}[${i}].text.content.length should be ≤ \`${MAX_CHARACTERS}\`, instead was \`${content.length}\`.`,
      };
    texts.push(content);
  }
  return texts.join("");
}

function blocksIn(value: unknown): readonly Sent[] | Refused {
  if (!Array.isArray(value)) return { rule: `children should be an array, instead was \`${JSON.stringify(value)}\`.` };
  if (value.length > MAX_BLOCKS)
    return { rule: `children.length should be ≤ \`${MAX_BLOCKS}\`, instead was \`${value.length}\`.` };
  const blocks: Sent[] = [];
  for (const [i, block] of (value as readonly unknown[]).entries()) {
    const type = isRecord(block)
      ? (block["type"] ?? Object.keys(block).find((key) => TEXT_BLOCKS.has(key)))
      : undefined;
    if (!isRecord(block) || typeof type !== "string" || !isRecord(block[type]))
      return { rule: `children[${i}] should be a block.` };
    if (!TEXT_BLOCKS.has(type)) return "unknown";
    const text = textIn(block[type]["rich_text"], `children[${i}].${type}.rich_text`);
    if (typeof text !== "string") return text;
    blocks.push({ type, text });
  }
  return blocks;
}

/** Adds the routes. */
export function addRoutes(app: VendorApp, workspace: Workspace): void {
  const bot = { object: "user", id: workspace.botId };
  const parentOf = (id: string | null): Json => {
    if (id === null) return { type: "workspace", workspace: true };
    return workspace.page(id) ? { type: "page_id", page_id: id } : { type: "block_id", block_id: id };
  };
  const pageView = (page: Page): Json => ({
    object: "page",
    id: page.id,
    created_time: iso(page.createdAt),
    last_edited_time: iso(page.editedAt),
    created_by: bot,
    last_edited_by: bot,
    cover: null,
    icon: null,
    parent: parentOf(page.parentId),
    archived: page.archived,
    in_trash: page.archived,
    properties: { title: { id: "title", type: "title", title: richText(page.title) } },
    url: `https://www.notion.so/${page.title.replaceAll(/[^A-Za-z0-9]+/g, "-")}-${page.id.replaceAll("-", "")}`,
    public_url: null,
  });
  const blockView = (block: Block): Json => ({
    object: "block",
    id: block.id,
    parent: parentOf(block.parentId),
    created_time: iso(block.createdAt),
    last_edited_time: iso(block.createdAt),
    created_by: bot,
    last_edited_by: bot,
    has_children: workspace.children(block.id).length > 0,
    archived: false,
    in_trash: false,
    type: block.type,
    [block.type]:
      block.type === "child_page" ? { title: block.text } : { rich_text: richText(block.text), color: "default" },
  });
  const absent = (c: Context, kind: string, id: string): Response =>
    failure(
      c,
      "object_not_found",
      `Could not find ${kind} with ID: ${id}. Make sure the relevant pages and databases are shared with your integration.`,
    );
  const badId = (c: Context, name: string): Response =>
    invalid(c, "path", `${name} should be a valid uuid, instead was \`${JSON.stringify(c.req.param("id"))}\`.`);
  const restricted = (c: Context): Response =>
    failure(c, "restricted_resource", "Insufficient permissions for this endpoint.");
  const archived = (c: Context): Response =>
    failure(c, "validation_error", "Can't edit block that is archived. You must unarchive the block before editing.");
  const badJson = (c: Context): Response => failure(c, "invalid_json", "Error parsing JSON body.");

  app.post("/v1/search", onlyQuery(), async (c) => {
    const body = await objectBody(c);
    if (!body) return badJson(c);
    if (!hasOnly(body, "query", "page_size", "start_cursor")) return c.notFound();
    const { query = "" } = body;
    if (typeof query !== "string")
      return invalid(c, "body", `query should be a string, instead was \`${JSON.stringify(query)}\`.`);
    return listPage(c, "body", body, workspace.search(query), pageView, "page_or_database");
  });
  app.get("/v1/pages/:id", onlyQuery(), (c) => {
    const id = idOf(c.req.param("id"));
    if (id === null) return badId(c, "page_id");
    const page = workspace.page(id);
    return page ? c.json({ ...pageView(page), request_id: randomUUID() }) : absent(c, "page", id);
  });
  app.post("/v1/pages", onlyQuery(), async (c) => {
    if (!workspace.canWrite) return restricted(c);
    const body = await objectBody(c);
    if (!body) return badJson(c);
    if (!hasOnly(body, "parent", "properties", "children")) return c.notFound();
    const { parent, properties, children = [] } = body;
    if (!isRecord(parent)) return invalid(c, "body", "parent should be defined, instead was `undefined`.");
    if (!isRecord(properties)) return invalid(c, "body", "properties should be defined, instead was `undefined`.");
    if (parent["page_id"] === undefined || !hasOnly(properties, "title")) return c.notFound();
    const parentId = idOf(parent["page_id"]);
    if (parentId === null) return invalid(c, "body", "parent.page_id should be a valid uuid.");
    const { title } = properties;
    const text = textIn(isRecord(title) ? title["title"] : title, "properties.title.title");
    if (typeof text !== "string") return invalid(c, "body", text.rule);
    const blocks = blocksIn(children);
    if (blocks === "unknown") return c.notFound();
    if ("rule" in blocks) return invalid(c, "body", blocks.rule);
    const above = workspace.page(parentId);
    if (!above) return absent(c, "page", parentId);
    if (above.archived) return archived(c);
    const page = workspace.createPage(text, parentId);
    for (const block of blocks) workspace.append(page.id, block.type, block.text);
    return c.json({ ...pageView(page), request_id: randomUUID() });
  });
  app.get("/v1/blocks/:id/children", onlyQuery("page_size", "start_cursor"), (c) => {
    const id = idOf(c.req.param("id"));
    if (id === null) return badId(c, "block_id");
    if (!workspace.pageOf(id)) return absent(c, "block", id);
    return listPage(c, "query", c.req.query(), workspace.children(id), blockView, "block");
  });
  app.patch("/v1/blocks/:id/children", onlyQuery(), async (c) => {
    if (!workspace.canWrite) return restricted(c);
    const id = idOf(c.req.param("id"));
    if (id === null) return badId(c, "block_id");
    const body = await objectBody(c);
    if (!body) return badJson(c);
    if (!hasOnly(body, "children")) return c.notFound();
    const blocks = blocksIn(body["children"]);
    if (blocks === "unknown") return c.notFound();
    if ("rule" in blocks) return invalid(c, "body", blocks.rule);
    const page = workspace.pageOf(id);
    if (!page) return absent(c, "block", id);
    if (page.archived) return archived(c);
    const results = blocks.map(({ type, text }) => blockView(workspace.append(id, type, text)));
    return c.json({
      object: "list",
      results,
      next_cursor: null,
      has_more: false,
      type: "block",
      block: {},
      request_id: randomUUID(),
    });
  });
}

/** Module `notion`: search, pages and blocks through Notion's API, with the token of the calling user. */
import { z } from "zod";
import { tool, type Module } from "./module.ts";
import { createUpstream } from "./upstream.ts";

/** The dated version of the API that these shapes follow. */
const NOTION_VERSION = "2022-06-28";
/** Notion's own limits: characters per rich text, blocks per request. */
const MAX_TEXT = 2000;
const MAX_BLOCKS = 100;

const id = z
  .string()
  .regex(
    /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/,
    "a Notion id: 32 hex characters, dashes optional",
  );
const cursor = z.string().min(1).max(200).optional().describe("nextCursor of the previous page");
const paragraphs = z.array(z.string().min(1).max(MAX_TEXT)).max(MAX_BLOCKS).describe("One paragraph each");

const richText = z.array(z.object({ plain_text: z.string() }));
const pageShape = z.object({
  object: z.string(),
  id: z.string(),
  url: z.string().optional(),
  created_time: z.string().optional(),
  last_edited_time: z.string().optional(),
  archived: z.boolean().default(false),
  /** Pages keep their title in the one property of type title, databases in `title`. */
  properties: z
    .record(z.string(), z.object({ type: z.string().optional(), title: z.unknown().optional() }))
    .default({}),
  title: richText.optional(),
});
const blockShape = z.looseObject({ id: z.string(), type: z.string(), has_children: z.boolean().default(false) });
const listOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ results: z.array(item), has_more: z.boolean(), next_cursor: z.string().nullable() });

const plain = (texts: z.output<typeof richText>): string => texts.map((part) => part.plain_text).join("");

function titleOf(page: z.output<typeof pageShape>): string {
  if (page.title) return plain(page.title);
  for (const property of Object.values(page.properties)) {
    const title = property.type === "title" ? richText.safeParse(property.title) : null;
    if (title?.success) return plain(title.data);
  }
  return "";
}

const page = (raw: z.output<typeof pageShape>) => ({
  id: raw.id,
  kind: raw.object,
  title: titleOf(raw),
  url: raw.url ?? null,
  createdAt: raw.created_time ?? null,
  editedAt: raw.last_edited_time ?? null,
  archived: raw.archived,
});

/** The text of a block whatever its type; empty for blocks without text. */
function textOf(block: z.output<typeof blockShape>): string {
  const content = z.object({ rich_text: richText }).safeParse(block[block.type]);
  return content.success ? plain(content.data.rich_text) : "";
}

const paragraphBlock = (content: string) => ({
  object: "block",
  type: "paragraph",
  paragraph: { rich_text: [{ type: "text", text: { content } }] },
});

/** Builds the module. `baseUrl` without a trailing slash. */
export function notion(baseUrl: string, fetch: typeof globalThis.fetch): Module {
  const call = createUpstream({
    provider: "Notion",
    baseUrl,
    headers: { "notion-version": NOTION_VERSION, accept: "application/json" },
    fetch,
  });
  const reading = { readOnly: true, idempotent: true, destructive: false } as const;
  const writing = { readOnly: false, idempotent: false, destructive: false } as const;
  return {
    name: "notion",
    description: "Notion pages",
    network: true,
    scopes: [],
    tools: [
      tool({
        name: "search",
        description: "Finds pages and databases by title",
        input: z.strictObject({ query: z.string().max(200), cursor, pageSize: z.int().min(1).max(50).default(10) }),
        ...reading,
        run: async ({ query, cursor, pageSize }, context) => {
          const body = { query, page_size: pageSize, ...(cursor === undefined ? {} : { start_cursor: cursor }) };
          const { value } = await call(
            { method: "POST", path: ["v1", "search"], body, shape: listOf(pageShape) },
            context,
            await context.token(),
          );
          return { results: value.results.map(page), nextCursor: value.has_more ? value.next_cursor : null };
        },
      }),
      tool({
        name: "get_page",
        description: "A page with the text of its blocks (first level)",
        input: z.strictObject({ id, cursor }),
        ...reading,
        run: async ({ id, cursor }, context) => {
          const token = await context.token();
          const query = { page_size: MAX_BLOCKS, ...(cursor === undefined ? {} : { start_cursor: cursor }) };
          const [found, blocks] = await Promise.all([
            call({ method: "GET", path: ["v1", "pages", id], shape: pageShape }, context, token),
            call(
              { method: "GET", path: ["v1", "blocks", id, "children"], query, shape: listOf(blockShape) },
              context,
              token,
            ),
          ]);
          return {
            ...page(found.value),
            blocks: blocks.value.results.map((block) => ({
              type: block.type,
              text: textOf(block),
              hasChildren: block.has_children,
            })),
            nextCursor: blocks.value.has_more ? blocks.value.next_cursor : null,
          };
        },
      }),
      tool({
        name: "create_page",
        description: "Creates a page below another page",
        input: z.strictObject({
          parentId: id,
          title: z.string().min(1).max(MAX_TEXT),
          paragraphs: paragraphs.default([]),
        }),
        ...writing,
        run: async ({ parentId, title, paragraphs }, context) => {
          const body = {
            parent: { page_id: parentId },
            properties: { title: { title: [{ type: "text", text: { content: title } }] } },
            children: paragraphs.map(paragraphBlock),
          };
          const { value } = await call(
            { method: "POST", path: ["v1", "pages"], body, shape: pageShape },
            context,
            await context.token(),
          );
          return page(value);
        },
      }),
      tool({
        name: "append_blocks",
        description: "Appends paragraphs to a page or block",
        input: z.strictObject({ id, paragraphs: paragraphs.min(1) }),
        ...writing,
        run: async ({ id, paragraphs }, context) => {
          const body = { children: paragraphs.map(paragraphBlock) };
          const shape = z.object({ results: z.array(blockShape) });
          const { value } = await call(
            { method: "PATCH", path: ["v1", "blocks", id, "children"], body, shape },
            context,
            await context.token(),
          );
          return { appended: value.results.length };
        },
      }),
    ],
  };
}

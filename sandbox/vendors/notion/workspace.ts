/** What the imitated workspace holds: pages that are shared with the connection, and their blocks. No HTTP. */
import { randomUUID } from "node:crypto";

export interface Block {
  readonly id: string;
  /** The page or block that it stands in. */
  readonly parentId: string;
  readonly type: string;
  readonly text: string;
  readonly createdAt: number;
}
export interface Page {
  readonly id: string;
  /** null = at the top of the workspace. */
  readonly parentId: string | null;
  readonly title: string;
  readonly createdAt: number;
  editedAt: number;
  archived: boolean;
}

/** Text blocks that the emulator takes; others are reported as not imitated. */
export const TEXT_BLOCKS: ReadonlySet<string> = new Set([
  "paragraph",
  "heading_1",
  "heading_2",
  "heading_3",
  "bulleted_list_item",
  "numbered_list_item",
  "quote",
]);

/** The workspace. */
export class Workspace {
  readonly id = randomUUID();
  readonly botId = randomUUID();
  /** What the connection may do beside reading; turned off, writes answer 403. */
  canWrite = true;
  readonly #pages = new Map<string, Page>();
  readonly #blocks = new Map<string, Block>();
  readonly #children = new Map<string, Block[]>();

  createPage(title: string, parentId: string | null = null): Page {
    const now = Date.now();
    const page: Page = { id: randomUUID(), parentId, title, createdAt: now, editedAt: now, archived: false };
    this.#pages.set(page.id, page);
    // A page below another one shows there as a block with the same id.
    if (parentId !== null) this.#add({ id: page.id, parentId, type: "child_page", text: title, createdAt: now });
    return page;
  }

  append(parentId: string, type: string, text: string): Block {
    const block: Block = { id: randomUUID(), parentId, type, text, createdAt: Date.now() };
    this.#add(block);
    const page = this.pageOf(parentId);
    if (page) page.editedAt = block.createdAt;
    return block;
  }

  #add(block: Block): void {
    this.#blocks.set(block.id, block);
    this.#children.set(block.parentId, [...(this.#children.get(block.parentId) ?? []), block]);
  }

  page(id: string): Page | null {
    return this.#pages.get(id) ?? null;
  }

  /** The page that a page or block belongs to. */
  pageOf(id: string): Page | null {
    const page = this.#pages.get(id);
    if (page) return page;
    const block = this.#blocks.get(id);
    return block ? this.pageOf(block.parentId) : null;
  }

  children(id: string): readonly Block[] {
    return this.#children.get(id) ?? [];
  }

  /** Pages by title, last edited first. */
  search(query: string): readonly Page[] {
    const words = query.toLowerCase().split(/\s+/);
    return [...this.#pages.values()]
      .filter(({ title, archived }) => !archived && words.every((word) => title.toLowerCase().includes(word)))
      .sort((a, b) => b.editedAt - a.editedAt);
  }
}

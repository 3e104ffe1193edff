/** VitePress over the pages that ../gather.ts puts into .pages/: local search, no host but the reader's own, a dead link is an error. */
import { readFileSync } from "node:fs";
import { sidebar } from "../contents.ts";
import { inlinePicture } from "../diagrams.ts";
import { anchorOf, targetOf, type Page } from "../pages.ts";

interface Gathered {
  readonly pages: readonly Page[];
  readonly host: string | null;
}
const { pages, host } = JSON.parse(readFileSync(new URL("../.pages/pages.json", import.meta.url), "utf8")) as Gathered;
const sources = new Map(pages.map(({ place, source }) => [place, source]));
const surroundings = { pages: new Map(pages.map(({ place, source }) => [source, place])), host };

interface Token {
  type: string;
  tag: string;
  info: string;
  content: string;
  children: Token[] | null;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}
interface MarkdownIt {
  readonly core: {
    readonly ruler: {
      push(name: string, rule: (state: { tokens: Token[]; env: { relativePath?: string } }) => void): void;
    };
  };
  readonly renderer: {
    rules: Record<string, (tokens: Token[], index: number, ...rest: unknown[]) => string>;
  };
}

/** A link to a file that is no page leads to the repository's host, or is no link. */
function turnLinks(tokens: readonly Token[], from: string): void {
  const dropped: boolean[] = [];
  for (const token of tokens) {
    if (token.type === "image") {
      const target = targetOf(from, token.attrGet("src") ?? "", surroundings);
      if (target.kind === "file") token.attrSet("src", target.href);
    }
    if (token.type === "link_open") {
      const target = targetOf(from, token.attrGet("href") ?? "", surroundings);
      const drop = target.kind === "repository" && target.href === null;
      dropped.push(drop);
      if (drop) token.type = "text";
      else if (target.kind !== "as it is") token.attrSet("href", target.href ?? "");
    }
    if (token.type === "link_close" && dropped.pop()) token.type = "text";
  }
}

function markdown(md: MarkdownIt): void {
  md.core.ruler.push("links-of-the-repository", ({ tokens, env }) => {
    const from = sources.get(env.relativePath ?? "");
    if (from === undefined) return;
    for (const { children } of tokens) if (children) turnLinks(children, from);
  });
  const fence = md.renderer.rules["fence"];
  md.renderer.rules["fence"] = (tokens, index, ...rest) => {
    const token = tokens[index];
    if (token?.info.trim() === "mermaid") return inlinePicture(token.content);
    return fence?.(tokens, index, ...rest) ?? "";
  };
}

const words = (text: string): string[] => {
  const found: string[] = [];
  for (const { segment, isWordLike } of new Intl.Segmenter("ja", { granularity: "word" }).segment(text))
    if (isWordLike) found.push(segment.toLowerCase());
  return found;
};

export default {
  title: "mcpist",
  description: "A Cloudflare Worker in front of MCP servers, and the rotation of the secret between them.",
  srcDir: ".pages",
  outDir: "dist",
  cacheDir: ".cache",
  metaChunk: true,
  locales: {
    root: { label: "English", lang: "en" },
    ja: {
      label: "日本語",
      lang: "ja",
      themeConfig: { sidebar: sidebar(pages, "ja"), outline: { label: "目次", level: [2, 3] } },
    },
  },
  markdown: { config: markdown, anchor: { slugify: anchorOf }, toc: { slugify: anchorOf } },
  themeConfig: {
    // Few pages are in both languages; those name each other.
    i18nRouting: false,
    sidebar: sidebar(pages, "en"),
    outline: { level: [2, 3] },
    search: {
      provider: "local",
      options: {
        miniSearch: { options: { tokenize: words } },
        locales: { ja: { translations: { button: { buttonText: "検索", buttonAriaLabel: "検索" } } } },
      },
    },
  },
};

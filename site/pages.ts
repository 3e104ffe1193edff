/** The documents of the repository as pages of the site: which they are, where they stand, where their links lead. Pure over paths. */
import { posix } from "node:path";

/** Language of a page; an English page has no prefix. */
export type Language = "en" | "ja";

/** A document as a page. */
export interface Page {
  /** Path in the repository: "docs/deploy.ja.md". */
  readonly source: string;
  /** Path in the site: "ja/deploy.md". */
  readonly place: string;
  readonly language: Language;
  /** The first heading, as plain text. */
  readonly title: string;
}

/** Where a document stands in the site: docs/ is its root, README.md is a folder's index, Japanese pages are under ja/. */
export function placeOf(source: string): string {
  const plain = source.replace(/^docs\//, "").replace(/(^|\/)README(\.ja)?\.md$/, "$1index$2.md");
  return plain.endsWith(".ja.md") ? `ja/${plain.replace(/\.ja\.md$/, ".md")}` : plain;
}

/** The name that GitHub gives to a heading's anchor; the second one of that name gets "-1". */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");

/** @throws {TypeError} for a document without a heading. */
export function pageOf(source: string, text: string): Page {
  const [, heading] = /^# (.+)$/m.exec(text) ?? [];
  if (heading === undefined) throw new TypeError(`${source} has no heading`);
  return {
    source,
    place: placeOf(source),
    language: source.endsWith(".ja.md") ? "ja" : "en",
    title: heading.replaceAll(/[`*]/g, ""),
  };
}

/** Where a link of a document leads in the site. */
export type Target =
  | { readonly kind: "page" | "file"; readonly href: string; readonly source: string }
  /** Leaves the site: another host, or an anchor of the same page. */
  | { readonly kind: "as it is" }
  /** A file of the repository that is no page. Its address at the host of the repository, where there is one. */
  | { readonly kind: "repository"; readonly href: string | null };

/** What a link is judged by. */
export interface Surroundings {
  /** Source to place. */
  readonly pages: ReadonlyMap<string, string>;
  /** Where files of the repository are read, ends in "/"; null = package.json names no repository. */
  readonly host: string | null;
}

const PICTURE = /\.(png|svg|jpe?g|webp|cast)$/;

/** @param from source of the page. @param link as it stands there. */
export function targetOf(from: string, link: string, { pages, host }: Surroundings): Target {
  if (/^([a-z]+:|#)/i.test(link)) return { kind: "as it is" };
  const [path = "", anchor] = link.split("#");
  const resolved = posix.normalize(posix.join(posix.dirname(from), decodeURIComponent(path))).replace(/\/$/, "");
  const source = [resolved, `${resolved}/README.md`].find((candidate) => pages.has(candidate));
  const here = posix.dirname(pages.get(from) ?? "");
  const relative = (place: string): string => {
    const way = posix.relative(here, place);
    return way.startsWith(".") ? way : `./${way}`;
  };
  if (source !== undefined)
    return {
      kind: "page",
      source,
      href: `${relative(pages.get(source) ?? "")}${anchor === undefined ? "" : `#${anchor}`}`,
    };
  if (PICTURE.test(resolved)) return { kind: "file", source: resolved, href: relative(resolved) };
  return { kind: "repository", href: host === null ? null : `${host}${resolved}` };
}

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { linksIn } from "../test/security/documents.ts";
import { SECTIONS, sidebar } from "./contents.ts";
import { documents, readPages, ROOT } from "./gather.ts";
import { anchorOf, pageOf, placeOf, targetOf } from "./pages.ts";

describe("a document", () => {
  it.each([
    ["README.md", "index.md"],
    ["README.ja.md", "ja/index.md"],
    ["docs/deploy.md", "deploy.md"],
    ["docs/deploy.ja.md", "ja/deploy.md"],
    ["docs/runbooks/emergency.ja.md", "ja/runbooks/emergency.md"],
    ["docs/security/README.md", "security/index.md"],
    ["SECURITY.md", "SECURITY.md"],
    ["bench/origin/README.md", "bench/origin/index.md"],
  ])("has its place in the site: %s at %s", (source, place) => expect(placeOf(source)).toBe(place));
  it("is called as its first heading says", () => {
    expect(pageOf("docs/x.ja.md", "text\n# The `x` *way*\n## more\n")).toEqual({
      source: "docs/x.ja.md",
      place: "ja/x.md",
      language: "ja",
      title: "The x way",
    });
    expect(() => pageOf("docs/x.md", "text\n")).toThrow("docs/x.md has no heading");
  });
  it("has anchors as at GitHub", () => {
    expect(anchorOf("What `x` is, exactly")).toBe("what-x-is-exactly");
    expect(anchorOf("保証")).toBe("保証");
  });
});

describe("a link of a document", () => {
  const pages = new Map(
    ["README.md", "docs/deploy.md", "docs/deploy.ja.md", "docs/runbooks/rotation.md", "docs/security/README.md"].map(
      (source) => [source, placeOf(source)],
    ),
  );
  const host = "https://github.com/acme/mcpist/blob/v1.0.0/";
  it.each([
    ["README.md", "docs/deploy.md", { kind: "page", source: "docs/deploy.md", href: "./deploy.md" }],
    ["docs/deploy.md", "../README.md", { kind: "page", source: "README.md", href: "./index.md" }],
    ["docs/deploy.md", "security", { kind: "page", source: "docs/security/README.md", href: "./security/index.md" }],
    [
      "docs/deploy.ja.md",
      "runbooks/rotation.md#by-phase",
      { kind: "page", source: "docs/runbooks/rotation.md", href: "../runbooks/rotation.md#by-phase" },
    ],
    [
      "docs/runbooks/rotation.md",
      "../deploy.ja.md",
      { kind: "page", source: "docs/deploy.ja.md", href: "../ja/deploy.md" },
    ],
    ["docs/deploy.md", "rotation.png", { kind: "file", source: "docs/rotation.png", href: "./docs/rotation.png" }],
    ["docs/deploy.md", "#tokens", { kind: "as it is" }],
    ["docs/deploy.md", "https://example.com/", { kind: "as it is" }],
    [
      "docs/deploy.md",
      "../test/live.ts",
      { kind: "repository", href: "https://github.com/acme/mcpist/blob/v1.0.0/test/live.ts" },
    ],
  ])("leads to its page: in %s to %s", (from, link, target) =>
    expect(targetOf(from, link, { pages, host })).toEqual(target),
  );
  it("is none where no repository is named", () => {
    expect(targetOf("docs/deploy.md", "../test/live.ts", { pages, host: null })).toEqual({
      kind: "repository",
      href: null,
    });
  });
});

describe("the contents", () => {
  const pages = readPages();
  it.each(["en", "ja"] as const)("have every page once: %s", (language) => {
    const links = sidebar(pages, language).flatMap(({ items }) => items.map(({ link }) => link));
    const wanted = pages
      .filter((page) => page.language === language)
      .map(({ place }) => `/${place.replace(/\.md$/, "")}`.replace(/\/index$/, "/"));
    expect(links.toSorted()).toEqual(wanted.toSorted());
  });
  it("name no page that is gone", () => {
    const places = new Set(pages.map(({ place }) => place));
    expect(SECTIONS.flatMap((section) => section.places).filter((place) => !places.has(place))).toEqual([]);
  });
  it("have every picture that a page shows", () => {
    const shown = documents().flatMap((source) =>
      linksIn(readFileSync(join(ROOT, source), "utf8")).flatMap(({ target }) => {
        const found = targetOf(source, target, { pages: new Map(), host: null });
        return found.kind === "file" ? [found.source] : [];
      }),
    );
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.filter((file) => !existsSync(join(ROOT, file)) || !file.startsWith("docs/"))).toEqual([]);
  });
});

/** The order in which the pages are read. Every page has one place here, which a test holds. */
import type { Language, Page } from "./pages.ts";

/** A part of the site: places of pages, or a folder whose pages stand in the order of their names. */
export interface Section {
  readonly title: Readonly<Record<Language, string>>;
  /** Open from the start. */
  readonly open: boolean;
  readonly places: readonly string[];
  readonly folders: readonly string[];
}

/** The parts. */
export const SECTIONS: readonly Section[] = [
  {
    title: { en: "Start", ja: "はじめに" },
    open: true,
    places: [
      "index.md",
      "install.md",
      "deploy.md",
      "pipeline.md",
      "your-own-server.md",
      "adding-a-module.md",
      "adding-a-platform.md",
    ],
    folders: [],
  },
  {
    title: { en: "How it works", ja: "しくみ" },
    open: true,
    places: [
      "rotation.md",
      "gateway.md",
      "infrastructure.md",
      "permissions.md",
      "limits-and-load.md",
      "storage.md",
      "origin-contract.md",
      "errors.md",
      "clients.md",
      "sandbox.md",
    ],
    folders: [],
  },
  { title: { en: "Runbooks", ja: "運用手順" }, open: true, places: [], folders: ["runbooks/"] },
  { title: { en: "Security", ja: "セキュリティ" }, open: false, places: ["SECURITY.md"], folders: ["security/"] },
  { title: { en: "Decisions", ja: "設計判断" }, open: false, places: [], folders: ["decisions/"] },
  {
    title: { en: "Project", ja: "プロジェクト" },
    open: false,
    places: ["CONTRIBUTING.md", "CHANGELOG.md"],
    folders: ["bench/", "examples/"],
  },
];

/** An entry of the sidebar as VitePress takes it. */
export interface SidebarSection {
  readonly text: string;
  readonly collapsed: boolean;
  readonly items: readonly { readonly text: string; readonly link: string }[];
}

/** Pages of a section, without the prefix of their language, in order. */
function placesIn({ places, folders }: Section, known: ReadonlySet<string>): readonly string[] {
  const inFolders = folders.flatMap((folder) => {
    const found = [...known].filter((place) => place.startsWith(folder)).toSorted();
    return [
      ...found.filter((place) => place.endsWith("/index.md")),
      ...found.filter((place) => !place.endsWith("/index.md")),
    ];
  });
  return [...places.filter((place) => known.has(place)), ...inFolders];
}

/** The sidebar of a language, of the pages that exist in it. */
export function sidebar(pages: readonly Page[], language: Language): readonly SidebarSection[] {
  const prefix = language === "en" ? "" : `${language}/`;
  const titles = new Map(
    pages.filter((page) => page.language === language).map(({ place, title }) => [place.slice(prefix.length), title]),
  );
  return SECTIONS.map((section) => ({
    text: section.title[language],
    collapsed: !section.open,
    items: placesIn(section, new Set(titles.keys())).map((place) => ({
      text: titles.get(place) ?? place,
      link: `/${prefix}${place.replace(/\.md$/, "")}`.replace(/\/index$/, "/"),
    })),
  })).filter(({ items }) => items.length > 0);
}

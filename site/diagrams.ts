/** Pictures of the diagrams in the documents, as SVG whose text is text and which fits a light and a dark page. */
import { renderMermaidSVG } from "beautiful-mermaid";
import { fingerprint } from "./pictures.ts";

const FONT = /@import url\([^)]*\);\s*/g;

interface Colors {
  readonly bg: string;
  readonly fg: string;
  readonly accent: string;
  /** Of labels and lines. */
  readonly muted: string;
  readonly line: string;
}
const ON_A_PAGE: Colors = {
  bg: "var(--vp-c-bg)",
  fg: "var(--vp-c-text-1)",
  accent: "var(--vp-c-brand-1)",
  muted: "var(--vp-c-text-2)",
  line: "var(--vp-c-text-3)",
};
const OF_ITS_OWN: Colors = {
  bg: "var(--page)",
  fg: "var(--ink)",
  accent: "var(--mark)",
  muted: "var(--soft)",
  line: "var(--soft)",
};

/** Nothing is fetched for a font, and an id names one element of a page. */
function draw(diagram: string, colors: Colors): string {
  const svg = renderMermaidSVG(diagram, { ...colors, font: "system-ui", transparent: true }).replaceAll(FONT, "");
  const id = fingerprint(diagram);
  return svg.replaceAll(/\bid="([\w-]+)"/g, `id="$1-${id}"`).replaceAll(/url\(#([\w-]+)\)/g, `url(#$1-${id})`);
}

/** For a page of the site: it follows the page's own colours. */
export const inlinePicture = (diagram: string): string =>
  `<div class="diagram">${draw(diagram, ON_A_PAGE).replaceAll(/\n\s*\n/g, "\n")}</div>`;

/** A file of its own: it follows the reader's choice of light and dark. */
export function standalonePicture(diagram: string, title: string): string {
  const scheme = `<title>${title}</title>
<style>
  :root { --page: #fff; --ink: #1f2328; --mark: #0969da; --soft: #59636e; }
  @media (prefers-color-scheme: dark) { :root { --page: #0d1117; --ink: #e6edf3; --mark: #4493f8; --soft: #9198a1; } }
</style>`;
  const svg = draw(diagram, OF_ITS_OWN)
    .replace(/(width|height)="(\d+)\.\d+"/g, '$1="$2"')
    .replace(/^<svg /, `<svg role="img" data-made-from="${fingerprint(diagram)}" `);
  return `${svg.replace(/>\n/, `>\n${scheme}\n`)}\n`;
}

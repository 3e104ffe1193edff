/** docs/pictures/: the diagrams of the documents as SVG files, for readers who show no Mermaid. Drawn by ./draw.ts. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./gather.ts";

/** Picture, the document whose first diagram it shows, and its title. */
export const PICTURES: readonly (readonly [file: string, document: string, title: string])[] = [
  ["docs/pictures/service.svg", "README.md", "Client, gateway, origins, and who writes what"],
  ["docs/pictures/phases.svg", "docs/rotation.md", "Phases of a rotation, and what leads from one to the next"],
];

/** What a picture was made from: 16 hex characters that change with the diagram. */
export const fingerprint = (diagram: string): string =>
  createHash("sha256").update(diagram.trim()).digest("hex").slice(0, 16);

/** The first diagram of a document. @throws {TypeError} when it has none. */
export function diagramOf(document: string): string {
  const [, diagram] = /^```mermaid\n([\s\S]*?)^```$/m.exec(readFileSync(join(ROOT, document), "utf8")) ?? [];
  if (diagram === undefined) throw new TypeError(`${document} has no diagram`);
  return diagram;
}

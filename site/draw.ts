/**
 * Draws the pictures of docs/pictures/ again:
 *
 *   npm run docs && node site/draw.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { standalonePicture } from "./diagrams.ts";
import { ROOT } from "./gather.ts";
import { diagramOf, PICTURES } from "./pictures.ts";

mkdirSync(join(ROOT, "docs/pictures"), { recursive: true });
for (const [file, document, title] of PICTURES)
  writeFileSync(join(ROOT, file), standalonePicture(diagramOf(document), title));

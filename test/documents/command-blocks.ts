/** The commands of a document in this repository. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, blocksOf } from "./blocks.ts";

const ROOT = join(import.meta.dirname, "../..");

/** The blocks of a document that are commands. @param file from the root of the repository. */
export const commandBlocks = (file: string): readonly Block[] =>
  blocksOf(file, readFileSync(join(ROOT, file), "utf8")).filter(({ language }) => language !== "other");

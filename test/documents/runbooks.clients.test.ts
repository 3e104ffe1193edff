/** Every runbook that does not end in an emergency is followed, or says why not; a new one is found by itself. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { commandBlocks, followDocuments } from "./follow.ts";

const FOLDER = "docs/runbooks";

followDocuments(
  readdirSync(join(import.meta.dirname, "../..", FOLDER))
    .filter((name) => name !== "emergency.md")
    // A translation has the commands of its English page (test/security/documents.test.ts) and no notes on running them.
    .filter((name) => !name.endsWith(".ja.md"))
    .map((name) => `${FOLDER}/${name}`)
    .filter((file) => commandBlocks(file).length > 0),
);

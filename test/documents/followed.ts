/** Documents that are followed word by word, each block in its order. A new runbook is found by itself. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { commandBlocks } from "./command-blocks.ts";

const FOLDER = "docs/runbooks";

/** What is done when a secret leaked. */
export const EMERGENCIES: readonly string[] = ["docs/runbooks/emergency.md", "docs/security/incident-response.md"];

/** Every other runbook with commands. A translation has those of its English page (test/security/documents.test.ts). */
export const RUNBOOKS: readonly string[] = readdirSync(join(import.meta.dirname, "../..", FOLDER))
  .filter((name) => !name.endsWith(".ja.md"))
  .map((name) => `${FOLDER}/${name}`)
  .filter((file) => !EMERGENCIES.includes(file) && commandBlocks(file).length > 0);

/** Pages beside the runbooks that one terminal is enough for. */
export const PAGES: readonly string[] = ["docs/sandbox.md", "docs/security/logging.md"];

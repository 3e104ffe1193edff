/** Documents that are followed word by word, each block in its order. A new runbook is found by itself. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { commandBlocks } from "./command-blocks.ts";

const FOLDER = "docs/runbooks";

/** What is done when a secret leaked. */
export const EMERGENCIES: readonly string[] = ["docs/runbooks/emergency.md", "docs/security/incident-response.md"];

/** What each leaves behind is no installation that another one could be followed at. */
export const TAKEN_APART: readonly string[] = ["docs/runbooks/new-origin.md", "docs/runbooks/remove.md"];

/** What is followed first, while everything is as a deploy leaves it. */
const FIRST = "docs/runbooks/rotate.md";

/** Every other runbook with commands, in the order in which one installation can bear them. A translation has those of its English page (test/security/documents.test.ts). */
export const RUNBOOKS: readonly string[] = readdirSync(join(import.meta.dirname, "../..", FOLDER))
  .filter((name) => !name.endsWith(".ja.md"))
  .map((name) => `${FOLDER}/${name}`)
  .filter((file) => ![...EMERGENCIES, ...TAKEN_APART].includes(file) && commandBlocks(file).length > 0)
  .toSorted((a, b) => Number(b === FIRST) - Number(a === FIRST));

/** Pages beside the runbooks that one terminal is enough for. */
export const PAGES: readonly string[] = ["docs/sandbox.md", "docs/security/logging.md"];

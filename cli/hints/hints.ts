/** The registry: every hint and every `next:` that the command line prints. Each entry has its scenario in the tests beside it. */
import { DATABASE } from "./database.ts";
import { DOCTOR } from "./doctor.ts";
import type { Entry, Hint } from "./hint.ts";
import { LOCK } from "./lock.ts";
import { ORIGINS } from "./origins.ts";
import { PLATFORMS } from "./platforms.ts";
import { PROJECT } from "./project.ts";
import { ROTATION } from "./rotation.ts";
import { START } from "./start.ts";
import { VALUES } from "./values.ts";

/** All entries by id. */
export const HINTS = {
  ...START,
  ...PLATFORMS,
  ...ROTATION,
  ...LOCK,
  ...VALUES,
  ...ORIGINS,
  ...DATABASE,
  ...PROJECT,
  ...DOCTOR,
} as const;

/** Id of an entry. */
export type HintId = keyof typeof HINTS;

const IDS: ReadonlyMap<Entry, HintId> = new Map(
  Object.entries(HINTS).map(([id, entry]): [Entry, HintId] => [entry, id as HintId]),
);

/** Id of a hint's entry. @throws {TypeError} for what is not in the registry. */
export function idOf({ entry }: Hint): HintId {
  const id = IDS.get(entry);
  if (id === undefined) throw new TypeError("a hint that is not in the registry");
  return id;
}

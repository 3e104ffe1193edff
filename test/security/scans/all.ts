/** Every scanner, in the order of the report. */
import { DEPLOYED } from "./deployed.ts";
import { PACKAGES } from "./packages.ts";
import type { Scanner } from "./scanner.ts";
import { SECRETS } from "./secrets.ts";
import { SOURCE } from "./source.ts";

export const SCANNERS: readonly Scanner[] = [...SECRETS, ...SOURCE, ...PACKAGES, ...DEPLOYED];

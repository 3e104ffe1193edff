/** Every mutant. */
import type { Mutant } from "./mutant.ts";
import { AFTERWARDS } from "./afterwards.ts";
import { CHECKS } from "./checks.ts";
import { GATEWAY } from "./gateway.ts";
import { PLATFORM } from "./platform.ts";
import { REQUESTS } from "./requests.ts";
import { ROTATION } from "./rotation.ts";
import { TOOLS } from "./tools.ts";
import { VALUES } from "./values.ts";

export const MUTANTS: readonly Mutant[] = [
  ...GATEWAY,
  ...ROTATION,
  ...REQUESTS,
  ...TOOLS,
  ...PLATFORM,
  ...CHECKS,
  ...VALUES,
  ...AFTERWARDS,
];

/** What every origin is told, whatever platform it runs on: public values, and the names of the secrets that it needs. */
import { type Origin } from "../contract/config.ts";
import { originConfigOf } from "../contract/process-config.ts";
import { SLOT_VARIABLES } from "../contract/gateway-secret.ts";
import { markVariable } from "../contract/marks.ts";
import { neededSecrets } from "../contract/secret-names.ts";
import type { Settings } from "./settings.ts";

/** The port that an origin listens on; its default, said aloud. */
export const ORIGIN_PORT = 8080;

/** Public variables of an origin. */
export function originValues(settings: Settings, origin: Origin): Readonly<Record<string, string>> {
  return {
    MCPIST_CONFIG: JSON.stringify(originConfigOf(settings.name, settings.environment, origin.name)),
    PORT: String(ORIGIN_PORT),
  };
}

/** Names of the secrets (beside the two slots) that an origin of this environment cannot do without, and of their marks. */
export const secretVariables = ({ environment }: Settings): readonly string[] =>
  neededSecrets(environment).flatMap((name) => [name, markVariable(name)]);

/** The two places of the gateway secret, as variables of an origin. */
export const slotVariables: readonly (readonly [slot: "a" | "b", variable: string])[] = [
  ["a", SLOT_VARIABLES.a],
  ["b", SLOT_VARIABLES.b],
];

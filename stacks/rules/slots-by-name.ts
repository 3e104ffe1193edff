/** An origin has both slots of the gateway secret, and has them by name. */
import { blocks } from "../document.ts";
import { SLOT_VARIABLES } from "../../contract/gateway-secret.ts";
import { SECRETS } from "../../contract/secret-names.ts";
import type { Rule } from "./rule.ts";

const SLOTS: readonly string[] = Object.values(SLOT_VARIABLES);
const NAMES: ReadonlySet<unknown> = new Set([...SLOTS, "GATEWAY_SECRET", ...SECRETS.map(({ name }) => name)]);

export const slotsByName: Rule = {
  name: "slots-by-name",
  why: "with one slot there is no overlap, so a rotation would fail requests; with a value there is no rotation",
  check: (document) =>
    document.resources.flatMap(({ address, mode, type, values }) => {
      if (mode === "data") return [];
      if (type === "fly_machine") {
        const env = blocks(values, "env").flatMap((variables) => Object.keys(variables));
        return env.filter((name) => NAMES.has(name)).map((name) => `${address}: ${name} is a secret of the app, not a variable`);
      }
      if (type !== "koyeb_service") return [];
      const env = blocks(values, "definition").flatMap((definition) => blocks(definition, "env"));
      const referenced = new Set(env.filter(({ secret }) => typeof secret === "string" && secret !== "").map(({ key }) => key));
      return [
        ...SLOTS.filter((slot) => !referenced.has(slot)).map((slot) => `${address}: ${slot} does not name a Koyeb secret`),
        ...env
          // A state writes an absent value as an empty text.
          .filter(({ key, value }) => NAMES.has(key) && typeof value === "string" && value !== "")
          .map(({ key }) => `${address}: ${String(key)} has a value`),
      ];
    }),
  examples: {
    accepted: {
      resource: { koyeb_service: { service: { definition: [{ env: SLOTS.map((key) => ({ key, secret: key.toLowerCase() })) }] } } },
    },
    refused: { resource: { koyeb_service: { service: { definition: [{ env: [{ key: SLOTS[0], secret: "only-one" }] }] } } } },
  },
};

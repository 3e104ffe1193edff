/** An origin has both slots of the gateway secret, and has them by name. */
import { blocks } from "../document.ts";
import { SLOT_VARIABLES } from "../../contract/gateway-secret.ts";
import { markVariable } from "../../contract/marks.ts";
import { SECRETS } from "../../contract/secret-names.ts";
import { OWN_SECRET_NAME, RESERVED_SECRETS } from "../../contract/servers.ts";
import type { Rule } from "./rule.ts";

const SLOTS: readonly string[] = Object.values(SLOT_VARIABLES);
const SECRET_NAMES: ReadonlySet<unknown> = new Set([
  ...SLOTS,
  ...SECRETS.flatMap(({ name }) => [name, markVariable(name)]),
]);
/** One's own secrets: by a name that mcpist does not use itself, from the Koyeb secret of that name in the same environment. */
const isOwn = (key: unknown, secret: unknown, prefix: string | null): boolean =>
  typeof key === "string" &&
  prefix !== null &&
  OWN_SECRET_NAME.test(key) &&
  !RESERVED_SECRETS.includes(key) &&
  secret === `${prefix}${key.toLowerCase().replaceAll("_", "-")}`;
/** `mcpist-<environment>-`, as the first slot has it. */
const prefixOf = (env: readonly Readonly<Record<string, unknown>>[]): string | null => {
  const slot = env.find(({ key }) => key === SLOT_VARIABLES.a)?.["secret"];
  return typeof slot === "string" ? (/^(mcpist-.+-)gateway-secret-a$/.exec(slot)?.[1] ?? null) : null;
};
/** What may have a value: everything else that an origin reads is a secret. */
const PUBLIC_NAMES: ReadonlySet<unknown> = new Set(["MCPIST_CONFIG", "PORT"]);
const given = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

export const slotsByName: Rule = {
  name: "slots-by-name",
  why: "with one slot there is no overlap, so a rotation would fail requests; with a value there is no rotation",
  check: (document) =>
    document.resources.flatMap(({ address, mode, type, values }) => {
      if (mode === "data") return [];
      if (type === "fly_machine") {
        const env = blocks(values, "env").flatMap((variables) => Object.keys(variables));
        return env
          .filter((name) => !PUBLIC_NAMES.has(name))
          .map((name) => `${address}: ${name} is no variable that anybody may read`);
      }
      if (type !== "koyeb_service") return [];
      const env = blocks(values, "definition").flatMap((definition) => blocks(definition, "env"));
      const referenced = new Set(
        env.filter(({ secret }) => typeof secret === "string" && secret !== "").map(({ key }) => key),
      );
      const prefix = prefixOf(env);
      return [
        ...SLOTS.filter((slot) => !referenced.has(slot)).map(
          (slot) => `${address}: ${slot} does not name a Koyeb secret`,
        ),
        ...env
          // A state writes an absent value as an empty text.
          .filter(({ key, value }) => given(value) && !PUBLIC_NAMES.has(key))
          .map(({ key }) => `${address}: ${String(key)} has a value`),
        ...env
          .filter(({ key, secret }) => given(secret) && !SECRET_NAMES.has(key) && !isOwn(key, secret, prefix))
          .map(({ key }) => `${address}: ${String(key)} is no secret of an origin`),
      ];
    }),
  examples: {
    accepted: {
      resource: {
        koyeb_service: { service: { definition: [{ env: SLOTS.map((key) => ({ key, secret: key.toLowerCase() })) }] } },
      },
    },
    refused: {
      resource: { koyeb_service: { service: { definition: [{ env: [{ key: SLOTS[0], secret: "only-one" }] }] } } },
    },
  },
};

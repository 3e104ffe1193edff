/** An origin has both slots of the gateway secret by name, and no secret of anybody else. */
import { blocks } from "../document.ts";
import { SLOT_VARIABLES } from "../../contract/gateway-secret.ts";
import { isRecord } from "../../contract/json.ts";
import { markVariable } from "../../contract/marks.ts";
import { SANDBOX_ENVIRONMENT } from "../../contract/sandbox.ts";
import { koyebSecretName, SECRETS } from "../../contract/secret-names.ts";
import { nameFault } from "../../contract/own-secrets.ts";
import { OWN_SECRET_NAME } from "../../contract/servers.ts";
import type { Rule } from "./rule.ts";

const SLOTS: readonly string[] = Object.values(SLOT_VARIABLES);
const BUILT_IN: ReadonlySet<string> = new Set([...SLOTS, ...SECRETS.flatMap(({ name }) => [name, markVariable(name)])]);
type Variable = Readonly<Record<string, unknown>>;
/** Names that an origin may have a secret under: mcpist's, and one's own, which mcpist does not use itself. */
const isSecretName = (key: unknown): key is string =>
  typeof key === "string" &&
  (BUILT_IN.has(key) || (OWN_SECRET_NAME.test(key) && nameFault(key.replace(/_MARK$/, "")) === null));

/** The environment that an origin says it belongs to, else the one of its first slot; null = neither names one. */
function environmentOf(env: readonly Variable[]): string | null {
  const config = env.find(({ key }) => key === "MCPIST_CONFIG")?.["value"];
  try {
    const read: unknown = typeof config === "string" ? JSON.parse(config) : null;
    const said = isRecord(read) ? read["environment"] : undefined;
    // On this machine every environment is rehearsed in the sandbox, and its origins are told so.
    if (typeof said === "string" && said !== SANDBOX_ENVIRONMENT) return said;
  } catch {
    // Another rule's matter; the slot still says where the secrets come from.
  }
  const slot = env.find(({ key }) => key === SLOT_VARIABLES.a)?.["secret"];
  return typeof slot === "string" ? (/^mcpist-(.+)-gateway-secret-a$/.exec(slot)?.[1] ?? null) : null;
}
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
      const environment = environmentOf(env);
      const isOwn = (key: string, secret: unknown): boolean =>
        environment !== null && secret === koyebSecretName(environment, key);
      const borrowed = env.filter(({ secret }) => given(secret));
      return [
        ...SLOTS.filter((slot) => !referenced.has(slot)).map(
          (slot) => `${address}: ${slot} does not name a Koyeb secret`,
        ),
        ...env
          // A state writes an absent value as an empty text.
          .filter(({ key, value }) => given(value) && !PUBLIC_NAMES.has(key))
          .map(({ key }) => `${address}: ${String(key)} has a value`),
        ...borrowed
          .filter(({ key }) => !isSecretName(key))
          .map(({ key }) => `${address}: ${String(key)} is no secret of an origin`),
        // Koyeb's secrets are the organisation's: any other name would hand an origin what is not meant for it.
        ...borrowed
          .filter(({ key, secret }) => isSecretName(key) && !isOwn(key, secret))
          .map(({ key }) => `${address}: ${String(key)} does not name this environment's own Koyeb secret`),
      ];
    }),
  examples: {
    accepted: {
      resource: {
        koyeb_service: {
          service: { definition: [{ env: SLOTS.map((key) => ({ key, secret: koyebSecretName("x", key) })) }] },
        },
      },
    },
    refused: {
      resource: { koyeb_service: { service: { definition: [{ env: [{ key: SLOTS[0], secret: "only-one" }] }] } } },
    },
  },
};

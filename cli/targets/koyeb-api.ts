/** Koyeb over REST: whole lists, the organisation's secrets, and which service is meant. Values are written, never read. */
import type { Origin } from "../../contract/config.ts";
import { markVariable } from "../../contract/marks.ts";
import { koyebSecretName, type SecretSpec } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { Api } from "../http.ts";
import { pauseMs } from "../waits.ts";
import { asObject, listAt, textAt, type Json } from "./json.ts";
import type { Guard } from "./types.ts";

/** One origin that runs there, as the configuration has it. */
export type KoyebOrigin = Extract<Origin, { kind: "koyeb" }>;

/** What was made a moment ago may be missing from a list. Unit: milliseconds. */
const LISTED_TIMEOUT_MS = 5_000;
const PAGE = 100;

/** Client for one organisation. */
export function koyebApi(context: Context, access: { baseUrl: string; token: string }): Api {
  return new Api(context, {
    vendor: "Koyeb",
    baseUrl: access.baseUrl,
    tokenVariable: "KOYEB_TOKEN",
    moved: {
      message: "its API is somewhere else",
      hint: HINTS.moved("correct KOYEB_URL, or unset it: its default is Koyeb's own API"),
    },
    headers: { authorization: `Bearer ${access.token}` },
  });
}

/** More pages than any organisation has: an answer that never ends must not fill the memory of this machine. */
const MAX_PAGES = 200;

/** All pages of a list, to its count; without one, to a page that is not full. @throws {McpistError} ERR_VENDOR. */
export async function allOf(api: Api, path: string, key: string): Promise<readonly Json[]> {
  const found: Json[] = [];
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const query = `limit=${PAGE}&offset=${found.length}`;
    const { json } = await api.get(`${path}${path.includes("?") ? "&" : "?"}${query}`);
    const page = listAt(json, key, `Koyeb's list of ${key}`);
    found.push(...page);
    // A page may be shorter than what was asked for: the end is told by the count.
    const { count } = asObject(json, `Koyeb's list of ${key}`);
    const ended = typeof count === "number" ? found.length >= count : page.length < PAGE;
    if (page.length === 0 || ended) return found;
  }
  throw new McpistError("ERR_VENDOR", `Koyeb's list of ${key} does not end`, { hint: HINTS.vendorFault("Koyeb") });
}

/** A secret as the list has it. */
export interface KoyebSecret {
  readonly id: string;
  /** RFC 3339, by Koyeb's clock. */
  readonly updatedAt: string;
}

/** The organisation's secrets by name. Values are never asked for. @throws as {@link allOf}. */
export async function koyebSecrets(api: Api): Promise<ReadonlyMap<string, KoyebSecret>> {
  const secrets = await allOf(api, "/v1/secrets", "secrets");
  return new Map(
    secrets.map((secret) => [
      textAt(secret, "name", "a Koyeb secret"),
      { id: textAt(secret, "id", "a Koyeb secret"), updatedAt: textAt(secret, "updated_at", "a Koyeb secret") },
    ]),
  );
}

const writtenAt = (json: unknown): string =>
  textAt(asObject(json, "Koyeb's answer")["secret"], "updated_at", "a Koyeb secret");

/**
 * Creates or replaces one organisation secret. A list may be behind: one that is there and not listed yet, or listed and gone, is
 * refused and looked for again.
 * @param guard called right before each write, after the look. @returns when it was written, by Koyeb's clock.
 */
export async function putKoyebSecret(
  api: Api,
  context: Context,
  name: string,
  value: string,
  guard: Guard = () => Promise.resolve(),
): Promise<string> {
  const body = { name, type: "SIMPLE", value };
  const began = context.monotonic();
  for (;;) {
    const existing = (await koyebSecrets(api)).get(name);
    const since = context.monotonic() - began;
    const late = since > LISTED_TIMEOUT_MS;
    const refusals = late ? [] : existing ? [404] : [400, 409];
    await guard();
    const answer = existing
      ? await api.call("PATCH", `/v1/secrets/${existing.id}`, { body, accept: refusals })
      : await api.call("POST", "/v1/secrets", { body, accept: refusals });
    if (answer.status < 400) return writtenAt(answer.json);
    await context.waits.during(`Koyeb: its list to show ${name} as it is`, () => context.sleep(pauseMs(since)));
  }
}

/** Id of the service, or an error that names what is missing. */
export async function koyebServiceId(api: Api, origin: KoyebOrigin): Promise<string | null> {
  const apps = await allOf(api, `/v1/apps?name=${encodeURIComponent(origin.app)}`, "apps");
  const app = apps.find((candidate) => candidate["name"] === origin.app);
  if (!app) return null;
  const services = await allOf(
    api,
    `/v1/services?app_id=${textAt(app, "id", "a Koyeb app")}&name=${encodeURIComponent(origin.service)}`,
    "services",
  );
  const service = services.find((candidate) => candidate["name"] === origin.service);
  return service ? textAt(service, "id", "a Koyeb service") : null;
}

/** Variables of an origin that the organisation holds a secret for. @throws as {@link Api.call}. */
export async function koyebVariables(
  api: Api,
  environmentName: string,
  specs: readonly SecretSpec[],
): Promise<ReadonlySet<string>> {
  const held = await koyebSecrets(api);
  const variables = specs.flatMap(({ name }) => [name, markVariable(name)]);
  return new Set(variables.filter((variable) => held.has(koyebSecretName(environmentName, variable))));
}

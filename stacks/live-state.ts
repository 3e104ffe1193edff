/**
 * What a plan has read from the accounts and yet calls no change, because the provider does not: HSTS that was changed by hand (an
 * update would send a part of it only, so none is made), and a Machine that somebody destroyed (the API goes on answering 200 for it,
 * and the provider forgets on 404 alone). Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../contract/json.ts";
import type { PolicyDocument } from "./document.ts";

/** Name of the resource that holds what HSTS shall be. */
export const DECLARED_HSTS = "hsts";
const GONE: ReadonlySet<unknown> = new Set(["destroying", "destroyed"]);

type Json = Readonly<Record<string, unknown>>;
const managed = ({ resources }: PolicyDocument, type: string) =>
  resources.filter((resource) => resource.mode === "managed" && resource.type === type);

function hstsDrift(document: PolicyDocument): readonly string[] {
  const declared = managed(document, "terraform_data").find(({ address }) => address.endsWith(`.${DECLARED_HSTS}`));
  const setting = managed(document, "cloudflare_zone_setting").find(
    ({ values }) => values["setting_id"] === "security_header",
  );
  const text = declared?.values["input"];
  if (!setting || typeof text !== "string") return [];
  const members = (value: unknown): Json => {
    const header = isRecord(value) ? value["strict_transport_security"] : null;
    return isRecord(header) ? header : {};
  };
  const [wanted, live] = [members(JSON.parse(text)), members(setting.values["value"])];
  const differing = Object.keys(wanted).filter((name) => !isDeepStrictEqual(wanted[name], live[name]));
  return differing.length === 0 ? [] : [`${setting.address}: HSTS of the zone has another ${differing.join(", ")}`];
}

const machineDrift = (document: PolicyDocument): readonly string[] =>
  managed(document, "fly_machine")
    .filter(({ values }) => GONE.has(values["state"]))
    .map(({ address, values }) => `${address}: Machine ${String(values["id"])} is ${String(values["state"])}`);

/** @returns one sentence per resource that is not what was declared; `terraform state rm` of its address, then a deploy, makes it anew. */
export const hiddenDrift = (document: PolicyDocument): readonly string[] => [
  ...hstsDrift(document),
  ...machineDrift(document),
];

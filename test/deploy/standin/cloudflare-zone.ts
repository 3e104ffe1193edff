/**
 * The zone's part of the stand-in for cloudflare/cloudflare 5.19: settings, rulesets, the custom domain of a Worker and the zone
 * itself as a data source. As there, a setting is never put back: destroying one only forgets it.
 */
import { type Api, unlessGone } from "./http.ts";
import { isRecord } from "../../../contract/json.ts";
import { compact, type Json, orNull, record, records } from "./json.ts";
import type { Attribute, ProviderSchema } from "./schema.ts";
import type { Provider, Resource } from "./server.ts";
import { equal, type Values } from "./values.ts";

const text = (values: Values, name: string): string => String(values[name]);

/** A value of any type travels as a pair: its type as JSON, and itself. Keys of a type are sorted, as Terraform writes them. */
function typeOf(value: unknown): unknown {
  if (isRecord(value)) {
    const names = Object.keys(value).sort();
    return ["object", Object.fromEntries(names.map((name) => [name, typeOf(value[name])]))];
  }
  if (Array.isArray(value)) return ["tuple", value.map(typeOf)];
  return { boolean: "bool", number: "number" }[typeof value as string] ?? "string";
}
const anyOf = (value: unknown): readonly unknown[] => [Buffer.from(JSON.stringify(typeOf(value))), value];
const contentOf = (pair: unknown): unknown => (Array.isArray(pair) ? pair[1] : pair);

/** What the vendor sent, with exactly the attributes of the schema. */
function shaped(attributes: Readonly<Record<string, Attribute>>, seen: Json): Values {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { nested_type: nested }]) => {
      const value = orNull(seen[name]);
      if (!nested || value === null) return [name, value];
      if (nested.nesting_mode === "single") return [name, shaped(nested.attributes, record(value))];
      return [name, records(value).map((item) => shaped(nested.attributes, item))];
    }),
  );
}

/** What an update sends of a value: as in the provider, only the members that differ from the state. */
function changed(prior: unknown, planned: unknown): unknown {
  if (!isRecord(prior) || !isRecord(planned)) return planned;
  return Object.fromEntries(
    Object.entries(planned)
      .filter(([name, value]) => !equal(prior[name], value))
      .map(([name, value]) => [name, changed(prior[name], value)]),
  );
}

function settings(call: () => Api): Resource {
  const path = (values: Values) => `/zones/${text(values, "zone_id")}/settings/${text(values, "setting_id")}`;
  const shown = (values: Values, answer: Json): Values => {
    const { value, editable, modified_on } = record(answer["result"]);
    return {
      ...values,
      id: values["setting_id"],
      // The type that the configuration chose stays while the content is the same.
      value: equal(contentOf(values["value"]), value) ? values["value"] : anyOf(value),
      editable: orNull(editable),
      modified_on: orNull(modified_on),
      enabled: null,
      time_remaining: null,
    };
  };
  const write = async (planned: Values, value: unknown) =>
    shown(planned, await call()("PATCH", path(planned), { value }));
  return {
    replace: ["zone_id", "setting_id"],
    volatile: ["modified_on"],
    create: (planned) => write(planned, contentOf(planned["value"])),
    update: (planned, prior) => write(planned, changed(contentOf(prior["value"]), contentOf(planned["value"]))),
    read: (state) => unlessGone(async () => shown(state, await call()("GET", path(state)))),
    remove: async () => undefined,
  };
}

function rulesets(call: () => Api, schema: ProviderSchema): Resource {
  const { attributes = {} } = schema.resources["cloudflare_ruleset"]?.block ?? {};
  const all = (values: Values) => `/zones/${text(values, "zone_id")}/rulesets`;
  const shown = (values: Values, answer: Json): Values => {
    const { account_id, zone_id } = values;
    return { ...shaped(attributes, record(answer["result"])), account_id, zone_id };
  };
  const body = (planned: Values): object => {
    const known = ({ action, description, enabled, expression, ratelimit, ref }: Json) =>
      Object.fromEntries(
        Object.entries({ action, description, enabled, expression, ratelimit, ref }).filter(
          ([, value]) => typeof value !== "symbol",
        ),
      );
    const { name, kind, phase } = planned;
    return { name, kind, phase, rules: records(compact(records(planned["rules"]).map(known))) };
  };
  return {
    replace: ["zone_id", "account_id", "kind", "name", "phase"],
    volatile: ["last_updated", "version"],
    create: async (planned) => shown(planned, await call()("POST", all(planned), body(planned))),
    update: async (planned, prior) =>
      shown(planned, await call()("PUT", `${all(planned)}/${text(prior, "id")}`, body(planned))),
    read: (state) => unlessGone(async () => shown(state, await call()("GET", `${all(state)}/${text(state, "id")}`))),
    remove: async (state) => {
      await unlessGone(() => call()("DELETE", `${all(state)}/${text(state, "id")}`));
    },
  };
}

function customDomains(call: () => Api): Resource {
  const all = (values: Values) => `/accounts/${text(values, "account_id")}/workers/domains`;
  const shown = (values: Values, answer: Json): Values => {
    const { id, hostname, service, zone_id, zone_name, environment, cert_id } = record(answer["result"]);
    return { ...values, id, hostname, service, zone_id, zone_name, environment, cert_id: orNull(cert_id) };
  };
  return {
    replace: ["account_id", "hostname", "service", "zone_id"],
    create: async (planned) => {
      const { hostname, service, zone_id } = planned;
      return shown(planned, await call()("PUT", all(planned), { hostname, service, zone_id }));
    },
    read: (state) => unlessGone(async () => shown(state, await call()("GET", `${all(state)}/${text(state, "id")}`))),
    remove: async (state) => {
      await unlessGone(() => call()("DELETE", `${all(state)}/${text(state, "id")}`));
    },
  };
}

/** @throws unless exactly one zone fits. */
async function zone(call: () => Api, schema: ProviderSchema, config: Values): Promise<Values> {
  const { attributes = {} } = schema.dataSources["cloudflare_zone"]?.block ?? {};
  const filter = record(config["filter"]);
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries({ name: filter["name"], "account.id": record(filter["account"])["id"] }))
    if (typeof value === "string") query.set(key, value);
  const found = records((await call()("GET", `/zones?${query.toString()}`))["result"]);
  if (found.length !== 1) throw new Error(`failed to find exactly one result: ${found.length} found`);
  const id = found[0]?.["id"];
  const seen = record((await call()("GET", `/zones/${String(id)}`))["result"]);
  return { ...shaped(attributes, seen), filter: config["filter"], zone_id: id, id };
}

/** Resources and data sources of a zone. */
export const zoneParts = (
  call: () => Api,
  schema: ProviderSchema,
): Required<Pick<Provider, "resources" | "dataSources">> => ({
  resources: {
    cloudflare_zone_setting: settings(call),
    cloudflare_ruleset: rulesets(call, schema),
    cloudflare_workers_custom_domain: customDomains(call),
  },
  dataSources: { cloudflare_zone: (config) => zone(call, schema, config) },
});

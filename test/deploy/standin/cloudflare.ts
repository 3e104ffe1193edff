/**
 * Stand-in for cloudflare/cloudflare 5.19: the same calls for a Worker script, its subdomain, schedule, KV namespace and the list
 * of scripts. As there, `migrations` is sent with every upload, and a secret that Terraform does not manage is not seen.
 */
import { createHash } from "node:crypto";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { zoneParts } from "./cloudflare-zone.ts";
import { type Api, api, unlessGone } from "./http.ts";
import { compact, type Json, orNull, record, records } from "./json.ts";
import { schemaOf } from "./schema.ts";
import type { Provider, Resource } from "./server.ts";
import type { Values } from "./values.ts";

const text = (values: Values, name: string): string => String(values[name]);

/** What the API adds to a script. */
const results = (script: Json): Values => ({
  created_on: orNull(script["created_on"]),
  etag: orNull(script["etag"]),
  handlers: script["handlers"] ?? [],
  has_assets: script["has_assets"] ?? false,
  has_modules: script["has_modules"] ?? true,
  last_deployed_from: orNull(script["last_deployed_from"]),
  migration_tag: orNull(script["migration_tag"]),
  modified_on: orNull(script["modified_on"]),
  placement_mode: null,
  placement_status: null,
  startup_time_ms: script["startup_time_ms"] ?? 1,
});

/**
 * State's bindings in their order, then what the API has beside them; a secret of someone else's is not looked at. That a managed one
 * was changed or removed by hand is not seen: so it is in the vendor's own provider (`UpdateSecretTextsFromState`, 5.14 to 5.22).
 */
function seenBindings(state: Values, live: readonly Json[]): readonly unknown[] {
  const managed = records(state["bindings"]);
  const names = new Set(managed.map((binding) => binding["name"]));
  const shape = Object.fromEntries(Object.keys(managed[0] ?? {}).map((key) => [key, null]));
  const foreign = live.filter((binding) => !names.has(binding["name"]) && binding["type"] !== "secret_text");
  return [...managed, ...foreign.map((binding) => ({ ...shape, name: binding["name"], type: binding["type"] }))];
}

/**
 * A provider is started in the folder of the stack, and reads the file from there. A stand-in serves all stacks of `outdir` from
 * elsewhere, and the path names the content, so the first stack that has the file has the right one.
 */
async function readAsset(outdir: string, file: string): Promise<Buffer> {
  for await (const found of glob(join(outdir, "stacks", "*", file))) return readFile(found);
  throw new Error(`${file} is in no stack of ${outdir}`);
}

function scripts(call: () => Api, outdir: string): Resource {
  const path = (values: Values) =>
    `/accounts/${text(values, "account_id")}/workers/scripts/${text(values, "script_name")}`;
  const upload = async (planned: Values): Promise<Values> => {
    const content = await readAsset(outdir, text(planned, "content_file"));
    const main = text(planned, "main_module");
    const sent = [
      "bindings",
      "compatibility_date",
      "compatibility_flags",
      "keep_bindings",
      "main_module",
      "migrations",
      "observability",
    ];
    const metadata = compact(Object.fromEntries(sent.map((name) => [name, planned[name]])));
    const form = new FormData();
    form.set(main, new Blob([content], { type: "application/javascript+module" }), main);
    form.set("metadata", new Blob([JSON.stringify(metadata)], { type: "application/json" }));
    const answer = record((await call()("PUT", path(planned), form))["result"]);
    const given = Object.fromEntries(Object.entries(planned).filter(([, value]) => typeof value !== "symbol"));
    return {
      ...planned,
      ...results(answer),
      compatibility_flags: [],
      id: text(planned, "script_name"),
      ...given,
      ...results(answer),
    };
  };
  return {
    replace: ["account_id", "script_name"],
    volatile: ["etag", "modified_on", "migration_tag", "last_deployed_from", "startup_time_ms", "handlers"],
    defaults: { logpush: false, usage_model: "standard", compatibility_flags: [] },
    create: upload,
    update: upload,
    read: (state) =>
      unlessGone(async () => {
        const account = `/accounts/${text(state, "account_id")}`;
        const service = record(
          (await call()("GET", `${account}/workers/services/${text(state, "script_name")}`))["result"],
        );
        const settings = record((await call()("GET", `${path(state)}/settings`))["result"]);
        const { base, token } = call();
        const response = await fetch(`${base}${path(state)}/content/v2`, {
          headers: { authorization: `Bearer ${token}` },
        });
        // Several modules come as a form; the provider looks at the first.
        const isForm = response.headers.get("content-type")?.startsWith("multipart/") === true;
        const [part] = isForm ? [...(await response.formData()).values()] : [await response.text()];
        const bytes =
          typeof part === "string" ? Buffer.from(part) : Buffer.from((await part?.arrayBuffer()) ?? new ArrayBuffer(0));
        return {
          ...state,
          ...results(record(record(service["default_environment"])["script"])),
          startup_time_ms: orNull(state["startup_time_ms"]),
          bindings: seenBindings(state, records(settings["bindings"])),
          compatibility_date: orNull(settings["compatibility_date"]),
          content_sha256: createHash("sha256").update(bytes).digest("hex"),
        };
      }),
    remove: async (state) => {
      await call()("DELETE", path(state));
    },
  };
}

function subdomains(call: () => Api): Resource {
  const path = (values: Values) =>
    `/accounts/${text(values, "account_id")}/workers/scripts/${text(values, "script_name")}/subdomain`;
  const write = async (planned: Values) => {
    const { enabled, previews_enabled } = planned;
    await call()("POST", path(planned), { enabled, previews_enabled });
    return { ...planned, id: text(planned, "script_name") };
  };
  return {
    replace: ["account_id", "script_name"],
    create: write,
    update: write,
    read: (state) =>
      unlessGone(async () => {
        const { enabled, previews_enabled } = record((await call()("GET", path(state)))["result"]);
        return { ...state, enabled, previews_enabled };
      }),
    remove: async (state) => {
      await call()("DELETE", path(state));
    },
  };
}

function cronTriggers(call: () => Api): Resource {
  const path = (values: Values) =>
    `/accounts/${text(values, "account_id")}/workers/scripts/${text(values, "script_name")}/schedules`;
  const shown = (answer: Json) =>
    records(record(answer["result"])["schedules"]).map(({ cron, created_on, modified_on }) => ({
      cron,
      created_on: orNull(created_on),
      modified_on: orNull(modified_on),
    }));
  const write = async (planned: Values) => {
    const schedules = records(planned["schedules"]).map(({ cron }) => ({ cron }));
    const answer = await call()("PUT", path(planned), schedules);
    return { ...planned, schedules: shown(answer), id: text(planned, "script_name") };
  };
  return {
    replace: ["account_id", "script_name"],
    create: write,
    update: write,
    read: (state) => unlessGone(async () => ({ ...state, schedules: shown(await call()("GET", path(state))) })),
    // As in the provider: a schedule goes with its script.
    remove: async () => undefined,
  };
}

function namespaces(call: () => Api): Resource {
  const all = (values: Values) => `/accounts/${text(values, "account_id")}/storage/kv/namespaces`;
  const shown = (values: Values, { id, title, supports_url_encoding = true }: Json) => ({
    ...values,
    id,
    title,
    supports_url_encoding,
  });
  return {
    replace: ["account_id"],
    create: async (planned) =>
      shown(planned, record((await call()("POST", all(planned), { title: planned["title"] }))["result"])),
    update: async (planned, prior) => {
      const title = planned["title"];
      await call()("PUT", `${all(planned)}/${text(prior, "id")}`, { title });
      return { ...planned, id: prior["id"], supports_url_encoding: prior["supports_url_encoding"] };
    },
    read: (state) =>
      unlessGone(async () =>
        shown(state, record((await call()("GET", `${all(state)}/${text(state, "id")}`))["result"])),
      ),
    remove: async (state) => {
      await call()("DELETE", `${all(state)}/${text(state, "id")}`);
    },
  };
}

/** The provider. Reads what the real one reads: `CLOUDFLARE_BASE_URL` and `CLOUDFLARE_API_TOKEN`. @param outdir of the synthesis. */
export function cloudflare(env: Readonly<Record<string, string | undefined>>, outdir: string): Provider {
  let connected = api("http://127.0.0.1:9", "");
  const call = () => connected;
  const schema = schemaOf("cloudflare");
  const zone = zoneParts(call, schema);
  const fields = Object.keys(
    schema.dataSources["cloudflare_workers_scripts"]?.block.attributes?.["result"]?.nested_type?.attributes ?? {},
  );
  return {
    schema,
    configure: () => {
      connected = api((env["CLOUDFLARE_BASE_URL"] ?? "").replace(/\/$/, ""), env["CLOUDFLARE_API_TOKEN"] ?? "");
    },
    resources: {
      cloudflare_workers_script: scripts(call, outdir),
      cloudflare_workers_script_subdomain: subdomains(call),
      cloudflare_workers_cron_trigger: cronTriggers(call),
      cloudflare_workers_kv_namespace: namespaces(call),
      ...zone.resources,
    },
    dataSources: {
      ...zone.dataSources,
      cloudflare_workers_scripts: async (config) => {
        const answer = await call()("GET", `/accounts/${text(config, "account_id")}/workers/scripts`);
        const only = (script: Json) => Object.fromEntries(fields.map((field) => [field, orNull(script[field])]));
        return { ...config, result: records(answer["result"]).map(only) };
      },
    },
  };
}

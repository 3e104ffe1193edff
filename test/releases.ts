/** Other people at work on the Worker while a rotation runs: they upload and deploy code of their own, over REST and with the real wrangler. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { bundleWorker } from "../sandbox/processes/bundle.ts";
import { listAt, objectAt, vendorClient, type Json, type VendorCall } from "../sandbox/client.ts";
import { WORKER_SHAPE } from "../sandbox/provision.ts";
import type { LightCloud } from "./light-cloud.ts";

const WRANGLER = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js");
const MAIN = "index.js";
const run = promisify(execFile);

/** What somebody does. @returns the etag of the code that was uploaded. */
export type Release = () => Promise<string>;

/** Ways to work on one Worker. */
export interface Releases {
  readonly "an upload over REST": Release;
  readonly "a deploy over REST": Release;
  readonly "wrangler versions upload": Release;
  readonly "wrangler deploy": Release;
  /** Uploads one new code so many times over REST; each is a version of its own. */
  readonly uploads: (count: number) => Promise<void>;
  close(): Promise<void>;
}

/** Code of a version that has never been uploaded: the gateway's own, with another comment. */
function source(bundle: string): string {
  return `${bundle}\n// release ${crypto.randomUUID()}\n`;
}

/** What wrangler is told of the bindings, as the platform has them. */
function wranglerConfig(name: string, bindings: readonly Json[]): Json {
  const of = (type: string) => bindings.filter((binding) => binding["type"] === type);
  return {
    name,
    main: MAIN,
    no_bundle: true,
    compatibility_date: WORKER_SHAPE.compatibilityDate,
    workers_dev: false,
    vars: Object.fromEntries(of("plain_text").map(({ name: variable, text }) => [String(variable), text])),
    kv_namespaces: of("kv_namespace").map((kv) => ({ binding: kv["name"], id: kv["namespace_id"] })),
    durable_objects: {
      bindings: of("durable_object_namespace").map((object) => ({
        name: object["name"],
        class_name: object["class_name"],
      })),
    },
    migrations: [{ tag: "v1", new_sqlite_classes: [WORKER_SHAPE.durableObject.className] }],
    version_metadata: { binding: of("version_metadata")[0]?.["name"] },
    ratelimits: of("ratelimit").map((limit) => ({
      name: limit["name"],
      namespace_id: limit["namespace_id"],
      simple: limit["simple"],
    })),
    triggers: { crons: [WORKER_SHAPE.cron] },
  };
}

/** Makes the folder of a colleague who uses wrangler. */
export async function startReleases({ sandbox, environment, context }: LightCloud): Promise<Releases> {
  const { accountId, worker } = environment.cloudflare;
  const call: VendorCall = vendorClient(sandbox.urls, sandbox.context.tokens);
  const script = `/accounts/${accountId}/workers/scripts/${worker}`;
  const bundle = await bundleWorker();
  const settings = objectAt(await call("cloudflare", "GET", `${script}/settings`), "result");
  const bindings = listAt(settings, "bindings");
  const folder = await mkdtemp(join(tmpdir(), "mcpist-colleague-"));
  await writeFile(join(folder, "wrangler.json"), JSON.stringify(wranglerConfig(worker, bindings)));

  const upload = async (code: string = source(bundle)): Promise<string> => {
    const form = new FormData();
    const metadata = {
      main_module: MAIN,
      compatibility_date: WORKER_SHAPE.compatibilityDate,
      keep_bindings: ["secret_text"],
      bindings: bindings.filter(({ type }) => type !== "secret_text"),
    };
    form.set("metadata", new Blob([JSON.stringify(metadata)], { type: "application/json" }));
    form.set(MAIN, new Blob([code], { type: "application/javascript+module" }), MAIN);
    return String(objectAt(await call("cloudflare", "POST", `${script}/versions`, form), "result")["id"]);
  };
  const versions = () => sandbox.cloudflare.workers().find(({ name }) => name === worker)?.versions ?? [];
  const etagOf = (id: string): string => versions().find((version) => version.id === id)?.etag ?? "";
  const wrangler = async (...args: readonly string[]): Promise<string> => {
    const before = new Set(versions().map(({ etag }) => etag));
    await writeFile(join(folder, MAIN), source(bundle));
    await run(process.execPath, [WRANGLER, ...args], {
      cwd: folder,
      env: {
        ...context.env,
        HOME: folder,
        CI: "1",
        NO_COLOR: "1",
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_LOG_PATH: join(folder, "logs"),
      },
    });
    // Nobody else has uploaded this code; a rotation may have uploaded it again meanwhile.
    return versions().find(({ etag }) => !before.has(etag))?.etag ?? "";
  };
  return {
    "an upload over REST": async () => etagOf(await upload()),
    "a deploy over REST": async () => {
      const id = await upload();
      const body = { strategy: "percentage", versions: [{ version_id: id, percentage: 100 }] };
      await call("cloudflare", "POST", `${script}/deployments`, body);
      return etagOf(id);
    },
    "wrangler versions upload": () => wrangler("versions", "upload"),
    "wrangler deploy": () => wrangler("deploy"),
    uploads: async (count) => {
      const code = source(bundle);
      for (let i = 0; i < count; i++) await upload(code);
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

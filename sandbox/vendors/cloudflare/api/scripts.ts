/** Worker scripts: upload, read, delete, settings, subdomain, schedules. */
import type { Account } from "../account.ts";
import { badRequest, noVersions } from "../errors.ts";
import {
  activeDeployment,
  hexIdOf,
  latestVersion,
  mainShare,
  versionById,
  type Module,
  type Script,
  type Version,
} from "../model.ts";
import { readForm, readUpload } from "../upload.ts";
import { withoutQuery, type VendorApp } from "../../vendor.ts";
import { jsonBody, jsonList, list, ok, pages, param, sourceOf, type Ctx } from "./envelope.ts";
import { scriptView, serviceView, settingsView, workerView } from "./views.ts";

/** Settings of a script that are not versioned. */
const SCRIPT_SETTINGS = ["logpush", "observability", "tail_consumers", "tags"];

/** The code that everybody runs: of the version with the largest share, else of the latest upload. */
function deployedVersion(script: Script): Version {
  const main = mainShare(activeDeployment(script));
  const version = (main && versionById(script, main.versionId)) ?? latestVersion(script);
  if (!version) throw noVersions();
  return version;
}

/** The modules of a version as multipart, as they were uploaded. */
function modulesBody(version: Version): Response {
  const form = new FormData();
  // Clients take the first part for the main module.
  const first = ({ name }: Module) => (name === version.code.mainModule ? 0 : 1);
  for (const { name, type, content } of version.code.modules.toSorted((a, b) => first(a) - first(b)))
    form.append(name, new File([new Uint8Array(content)], name, { type }));
  return new Response(form, { headers: { "cf-entrypoint": version.code.mainModule, etag: version.code.etag } });
}

function contentOf(c: Ctx, account: Account): Response {
  const script = account.script(param(c, "script"));
  const asked = c.req.query("version");
  const version = asked === undefined ? deployedVersion(script) : versionById(script, asked);
  if (!version) throw badRequest("no such version");
  return modulesBody(version);
}

export function scriptRoutes(app: VendorApp, base: string, account: Account): void {
  const script = (c: Ctx) => account.script(param(c, "script"));
  const one = `${base}/workers/scripts/:script`;

  app.get(`${base}/workers/scripts`, withoutQuery("tags"), (c) =>
    list(c, [...account.scripts.values()].map(scriptView)),
  );
  app.put(one, async (c) => {
    const upload = await readUpload(await readForm(c.req), account.now());
    const cause = { source: sourceOf(c), annotations: upload.annotations };
    const done = await account.upload(param(c, "script"), upload, cause);
    return ok(c, { ...scriptView(done.script), deployment_id: done.version.id, startup_time_ms: 1 });
  });
  app.get(one, (c) => {
    const main = deployedVersion(script(c)).code;
    const content = main.modules.find((module) => module.name === main.mainModule)?.content ?? new Uint8Array();
    return c.body(new Uint8Array(content), 200, { "content-type": "application/javascript", etag: main.etag });
  });
  // The second is wrangler's.
  for (const path of [one, `${base}/workers/services/:script`])
    app.delete(path, async (c) => {
      await account.remove(param(c, "script"));
      return ok(c, { id: param(c, "script") });
    });
  app.get(`${one}/content/v2`, (c) => contentOf(c, account));
  app.get(`${one}/settings`, (c) => ok(c, settingsView(script(c))));
  app.get(`${one}/script-settings`, (c) => ok(c, script(c).scriptSettings));
  app.patch(`${one}/script-settings`, async (c) => {
    const body = await jsonBody(c);
    const known = script(c);
    for (const name of SCRIPT_SETTINGS) if (body[name] !== undefined) known.scriptSettings[name] = body[name];
    return ok(c, known.scriptSettings);
  });
  app.get(`${one}/subdomain`, (c) => ok(c, script(c).subdomain));
  app.post(`${one}/subdomain`, async (c) => {
    const body = await jsonBody(c);
    script(c).subdomain = { enabled: body["enabled"] === true, previews_enabled: body["previews_enabled"] === true };
    return ok(c, script(c).subdomain);
  });
  app.delete(`${one}/subdomain`, (c) => {
    script(c).subdomain = { enabled: false, previews_enabled: false };
    return ok(c, script(c).subdomain);
  });
  app.get(`${one}/schedules`, (c) => ok(c, { schedules: script(c).schedules }));
  app.put(`${one}/schedules`, async (c) => {
    const now = account.now().toISOString();
    const texts = (await jsonList(c)).map(({ cron }) => {
      if (typeof cron !== "string" || cron.trim().split(/\s+/).length !== 5)
        throw badRequest("a schedule has no cron expression");
      return cron;
    });
    script(c).schedules = texts.map((cron) => ({ cron, created_on: now, modified_on: now }));
    return ok(c, { schedules: script(c).schedules });
  });

  app.get(`${base}/workers/services/:script`, (c) => ok(c, serviceView(script(c))));
  app.get(`${base}/workers/workers/:script`, (c) => ok(c, workerView(script(c))));
  app.get(`${base}/workers/durable_objects/namespaces`, (c) =>
    pages(
      c,
      [...account.scripts.values()].flatMap((known) =>
        [...known.classes].map(([name, { namespaceId, sqlite }]) => ({
          id: namespaceId,
          name: `${known.name}_${name}`,
          script: known.name,
          class: name,
          use_sqlite: sqlite,
        })),
      ),
      1000,
    ),
  );
  app.get(`${base}/workers/subdomain`, (c) =>
    ok(c, { subdomain: `sandbox-${hexIdOf(account.names.accountId).slice(0, 6)}` }),
  );
}

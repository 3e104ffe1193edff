/** Versions, deployments and secrets of a Worker. */
import type { Account } from "../account.ts";
import { SECRET_TYPES, type EnvChange } from "../bindings.ts";
import { DEPLOYABLE_VERSIONS } from "../deployments.ts";
import { badRequest, missingSecret, missingVersion } from "../errors.ts";
import { latestVersion, versionById, type Binding, type Script, type Share } from "../model.ts";
import { isRecord } from "../../../../contract/json.ts";
import { readAnnotations, readForm, readUpload } from "../upload.ts";
import type { VendorApp } from "../../vendor.ts";
import { jsonBody, ok, pageOf, param, sourceOf, type Ctx } from "./envelope.ts";
import { deploymentView, versionDetail, versionItem } from "./views.ts";

/** Most secrets in one bulk call. */
const BULK_LIMIT = 100;

const scriptName = (c: Ctx): string => param(c, "script");

function readShares(value: unknown): Share[] {
  if (!Array.isArray(value)) throw badRequest("versions is not a list");
  return value.map((item: unknown) => {
    if (!isRecord(item) || typeof item["version_id"] !== "string" || typeof item["percentage"] !== "number")
      throw badRequest("a version has no version_id or no percentage");
    return { versionId: item["version_id"], percentage: item["percentage"] };
  });
}

function versionRoutes(app: VendorApp, base: string, account: Account): void {
  const one = `${base}/workers/scripts/:script`;
  app.get(`${one}/versions`, (c) => {
    const script = account.script(scriptName(c));
    const time = account.now().getTime() - account.listLagMs();
    const newest = script.versions.filter(({ createdOn }) => Date.parse(createdOn) <= time).toReversed();
    if (c.req.query("deployable") === "true")
      return ok(c, { items: newest.slice(0, DEPLOYABLE_VERSIONS).map((version) => versionDetail(version, script)) });
    const { shown, info } = pageOf(c, newest, DEPLOYABLE_VERSIONS, 10);
    return ok(c, { items: shown.map((version) => versionItem(version, script)) }, info);
  });
  app.get(`${one}/versions/:version`, (c) => {
    const script = account.script(scriptName(c));
    const version = versionById(script, param(c, "version"));
    if (!version) throw missingVersion();
    return ok(c, versionDetail(version, script));
  });
  app.post(`${one}/versions`, async (c) => {
    const upload = await readUpload(await readForm(c.req), account.now());
    const version = await account.uploadVersion(scriptName(c), upload, {
      source: sourceOf(c),
      annotations: upload.annotations,
    });
    return ok(c, versionDetail(version, account.script(scriptName(c))));
  });
  app.patch(`${base}/workers/workers/:script/versions/latest`, async (c) => {
    const body = await jsonBody(c);
    const annotations = readAnnotations(body["annotations"]);
    const version = await account.patchLatest(scriptName(c), readEnv(body["env"]), {
      source: sourceOf(c),
      annotations,
    });
    return ok(c, {
      id: version.id,
      number: version.number,
      created_on: version.createdOn,
      source: version.source,
      annotations: version.annotations,
    });
  });
}

function readEnv(value: unknown): Record<string, EnvChange> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw badRequest("env is not an object");
  const env: Record<string, EnvChange> = {};
  for (const [name, change] of Object.entries(value)) {
    if (change === null) env[name] = null;
    else if (isRecord(change) && typeof change["type"] === "string") env[name] = { ...change, type: change["type"] };
    else throw badRequest(`binding ${name} has no type`);
  }
  return env;
}

function deploymentRoutes(app: VendorApp, base: string, account: Account): void {
  const one = `${base}/workers/scripts/:script`;
  app.get(`${one}/deployments`, (c) =>
    ok(c, { deployments: account.script(scriptName(c)).deployments.toReversed().map(deploymentView) }),
  );
  app.get(`${one}/deployments/:deployment`, (c) => {
    const found = account
      .script(scriptName(c))
      .deployments.find((deployment) => deployment.id === param(c, "deployment"));
    if (!found) throw missingVersion();
    return ok(c, deploymentView(found));
  });
  app.post(`${one}/deployments`, async (c) => {
    const body = await jsonBody(c);
    if (body["strategy"] !== "percentage") throw badRequest("strategy must be percentage");
    const annotations = readAnnotations(body["annotations"]);
    const cause = { source: sourceOf(c), annotations, force: c.req.query("force") === "true" };
    return ok(c, deploymentView(await account.deploy(scriptName(c), readShares(body["versions"]), cause)));
  });
}

const secretsOf = (script: Script): { name: string; type: string }[] =>
  (latestVersion(script)?.bindings ?? [])
    .filter(({ type }) => SECRET_TYPES.has(type))
    .map(({ name, type }) => ({ name, type }));

function readSecret(value: unknown): Binding {
  if (
    !isRecord(value) ||
    typeof value["name"] !== "string" ||
    value["name"] === "" ||
    typeof value["text"] !== "string"
  )
    throw badRequest("a secret has no name or no text");
  return { name: value["name"], type: "secret_text", text: value["text"] };
}

function secretRoutes(app: VendorApp, base: string, account: Account): void {
  const one = `${base}/workers/scripts/:script`;
  const cause = (c: Ctx) => ({ source: sourceOf(c), annotations: {} });
  app.get(`${one}/secrets`, (c) => ok(c, secretsOf(account.script(scriptName(c)))));
  app.get(`${one}/secrets/:name`, (c) => {
    const secret = secretsOf(account.script(scriptName(c))).find(({ name }) => name === param(c, "name"));
    if (!secret) throw missingSecret(param(c, "name"));
    return ok(c, secret);
  });
  app.put(`${one}/secrets`, async (c) => {
    const secret = readSecret(await jsonBody(c));
    await account.editSecrets(scriptName(c), { [secret.name]: secret }, cause(c));
    return ok(c, { name: secret.name, type: secret.type });
  });
  app.patch(`${one}/secrets-bulk`, async (c) => {
    const { secrets } = await jsonBody(c);
    if (!isRecord(secrets)) throw badRequest("secrets is not an object");
    const entries = Object.entries(secrets);
    if (entries.length > BULK_LIMIT) throw badRequest(`more than ${BULK_LIMIT} secrets`);
    const env = Object.fromEntries(entries.map(([name, value]) => [name, value === null ? null : readSecret(value)]));
    await account.editSecrets(scriptName(c), env, cause(c));
    const left = secretsOf(account.script(scriptName(c))).map((secret) => [secret.name, secret] as const);
    return ok(c, Object.fromEntries(left));
  });
  app.delete(`${one}/secrets/:name`, async (c) => {
    const name = param(c, "name");
    if (!secretsOf(account.script(scriptName(c))).some((secret) => secret.name === name)) throw missingSecret(name);
    await account.editSecrets(scriptName(c), { [name]: null }, cause(c));
    return ok(c, null);
  });
}

/** Everything below a script that has to do with versions. */
export function versionApi(app: VendorApp, base: string, account: Account): void {
  versionRoutes(app, base, account);
  deploymentRoutes(app, base, account);
  secretRoutes(app, base, account);
}

/**
 * One Cloudflare account: its Workers, KV namespaces, domains and zone. Every change of a Worker goes through here, one after
 * another, and is recorded only when the version that it needs really started.
 */
import { patchBindings, resolveBindings, SECRET_TYPES, type EnvChange } from "./bindings.ts";
import {
  badRequest,
  bindingTaken,
  latestNotDeployed,
  migrationNeedsDeploy,
  missingScript,
  noSuchClass,
  noVersions,
} from "./errors.ts";
import { checkShares, refuseOldSecrets } from "./deployments.ts";
import { KvNamespaces } from "./kv.ts";
import { migrate } from "./migrations.ts";
import {
  activeDeployment,
  hexId,
  latestVersion,
  shareOf,
  versionById,
  type Annotations,
  type Binding,
  type Deployment,
  type Script,
  type Share,
  type Source,
  type Version,
} from "./model.ts";
import { isRecord } from "../../../contract/json.ts";
import type { Upload } from "./upload.ts";
import { Zone } from "./zone.ts";

/** Names of the one account that the emulator knows. */
export interface AccountNames {
  /** 32 hex characters. */
  readonly accountId: string;
  readonly zone: string;
  readonly defaultWorker: string;
}

/** Address that stands for the token's owner. */
export const AUTHOR = "sandbox@mcpist.invalid";
/** What runs the versions of one Worker; a WorkerHost outside of tests. */
export interface Runner {
  /** Starts a version to see whether it runs. @throws {ApiError} 10021. */
  check(version: Version): Promise<void>;
  /** Starts what a deployment needs; the returned function sends it to the edges. @throws {ApiError} 10021. */
  prepare(versions: readonly Version[]): Promise<(deployment: Deployment) => void>;
  /** The Worker is deleted. */
  forget(): Promise<void>;
}

/** Who asks, and what is noted with it. */
export interface Cause {
  readonly source: Source;
  readonly annotations: Annotations;
  readonly force?: boolean;
}

export class Account {
  readonly names: AccountNames;
  readonly zone: Zone;
  readonly kv = new KvNamespaces();
  readonly scripts = new Map<string, Script>();
  readonly #host: (worker: string) => Promise<Runner>;
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(names: AccountNames, host: (worker: string) => Promise<Runner>) {
    this.names = names;
    this.zone = new Zone(names.zone);
    this.#host = host;
  }

  now = (): Date => new Date();
  /** How far lists of versions are behind. Unit: milliseconds. */
  listLagMs = (): number => 0;

  /** @throws {ApiError} 10007. */
  script(name: string): Script {
    const script = this.scripts.get(name);
    if (!script) throw missingScript();
    return script;
  }

  /** For tests only: the text of a secret of a version; null when there is none. */
  secretTextForTests(worker: string, versionId: string, name: string): string | null {
    const binding = versionById(this.script(worker), versionId)?.bindings.find((candidate) => candidate.name === name);
    return typeof binding?.["text"] === "string" ? binding["text"] : null;
  }

  /** `PUT …/scripts/W`: a new version, deployed at once to everybody. Makes the Worker when there is none. */
  upload(name: string, upload: Upload, cause: Cause): Promise<{ readonly script: Script; readonly version: Version }> {
    return this.#inOrder(name, async () => {
      const script = this.scripts.get(name) ?? newScript(name, this.now());
      const migrated = migrate(script, upload.migrations);
      const annotations = { "workers/triggered_by": "upload", ...cause.annotations };
      const version = this.#next({ ...script, ...migrated }, upload, { ...cause, annotations });
      await this.#release(script, version, cause);
      Object.assign(script, migrated);
      Object.assign(script.scriptSettings, upload.scriptSettings);
      this.scripts.set(name, script);
      return { script, version };
    });
  }

  /** `POST …/scripts/W/versions`: a new version that gets no requests yet. @throws {ApiError} 10211 for migrations. */
  uploadVersion(name: string, upload: Upload, cause: Cause): Promise<Version> {
    return this.#inOrder(name, async () => {
      const script = this.script(name);
      if (upload.migrations) throw migrationNeedsDeploy();
      const annotations = { "workers/triggered_by": "version_upload", ...cause.annotations };
      const version = this.#next(script, upload, { ...cause, annotations });
      if (!script.versions.some((known) => known.code.etag === version.code.etag))
        await (await this.#host(name)).check(version);
      script.versions.push(version);
      script.modifiedOn = version.createdOn;
      return version;
    });
  }

  /** `PATCH …/workers/W/versions/latest`: the latest upload with some bindings changed, as a new version without requests. */
  patchLatest(name: string, env: Readonly<Record<string, EnvChange>>, cause: Cause): Promise<Version> {
    return this.#inOrder(name, () => {
      const script = this.script(name);
      const version = this.#derive(script, (bindings) => patchBindings(bindings, env), cause);
      script.versions.push(version);
      script.modifiedOn = version.createdOn;
      return Promise.resolve(version);
    });
  }

  /**
   * `PUT …/secrets` and its kin: as {@link Account.patchLatest}, but deployed at once to everybody.
   * @throws {ApiError} 10215 when the latest upload is not what everybody runs, 10053 for the name of another binding.
   */
  editSecrets(name: string, env: Readonly<Record<string, EnvChange>>, cause: Cause): Promise<Version> {
    return this.#inOrder(name, async () => {
      const script = this.script(name);
      const latest = latestVersion(script);
      if (!latest) throw noVersions();
      if (shareOf(activeDeployment(script), latest.id) !== 100) throw latestNotDeployed();
      const taken = latest.bindings.find(
        (binding) => Object.hasOwn(env, binding.name) && !SECRET_TYPES.has(binding.type),
      );
      if (taken) throw bindingTaken(taken.name);
      const version = this.#derive(script, (bindings) => patchBindings(bindings, env), cause);
      await this.#release(script, version, cause);
      return version;
    });
  }

  /**
   * `POST …/deployments`.
   * @throws {ApiError} 404 for an unknown version, 400 when the percentages are wrong, 10220 when an older version would bring
   * other secrets back and `force` is not set.
   */
  deploy(name: string, shares: readonly Share[], cause: Cause): Promise<Deployment> {
    return this.#inOrder(name, async () => {
      const script = this.script(name);
      const versions = checkShares(script, shares);
      if (!cause.force) refuseOldSecrets(script, versions);
      return this.#roll(script, versions, shares, {
        ...cause,
        annotations: { "workers/triggered_by": "deployment", ...cause.annotations },
      });
    });
  }

  /** `DELETE …/scripts/W`. */
  remove(name: string): Promise<void> {
    return this.#inOrder(name, async () => {
      this.script(name);
      await (await this.#host(name)).forget();
      this.scripts.delete(name);
    });
  }

  #inOrder<T>(name: string, action: () => Promise<T>): Promise<T> {
    const turn = (this.#queues.get(name) ?? Promise.resolve()).then(action, action);
    this.#queues.set(
      name,
      turn.catch(() => undefined),
    );
    return turn;
  }

  #next(script: Script, upload: Upload, { source, annotations }: Cause): Version {
    const ancestry = { latest: latestVersion(script), byId: (id: string) => versionById(script, id) };
    const bindings = resolveBindings(upload.bindings, upload.keep, ancestry);
    for (const binding of bindings) checkBinding(binding, script, this.kv);
    return {
      id: crypto.randomUUID(),
      number: script.versions.length + 1,
      createdOn: this.now().toISOString(),
      source,
      annotations,
      code: upload.code,
      bindings,
      settings: upload.settings,
    };
  }

  #derive(
    script: Script,
    change: (bindings: readonly Binding[]) => Binding[],
    { source, annotations }: Cause,
  ): Version {
    const latest = latestVersion(script);
    if (!latest) throw noVersions();
    return {
      ...latest,
      id: crypto.randomUUID(),
      number: script.versions.length + 1,
      createdOn: this.now().toISOString(),
      source,
      annotations: { "workers/triggered_by": "secret", ...annotations },
      bindings: change(latest.bindings),
    };
  }

  async #release(script: Script, version: Version, cause: Cause): Promise<void> {
    const roll = await (await this.#host(script.name)).prepare([version]);
    script.versions.push(version);
    roll(
      this.#record(script, [{ versionId: version.id, percentage: 100 }], {
        ...cause,
        annotations: version.annotations,
      }),
    );
  }

  async #roll(
    script: Script,
    versions: readonly Version[],
    shares: readonly Share[],
    cause: Cause,
  ): Promise<Deployment> {
    const roll = await (await this.#host(script.name)).prepare(versions);
    const deployment = this.#record(script, shares, cause);
    roll(deployment);
    return deployment;
  }

  #record(script: Script, shares: readonly Share[], { source, annotations }: Cause): Deployment {
    const createdOn = this.now().toISOString();
    const deployment = {
      id: crypto.randomUUID(),
      number: script.deployments.length + 1,
      createdOn,
      source,
      annotations,
      shares,
    };
    script.deployments.push(deployment);
    script.modifiedOn = createdOn;
    return deployment;
  }
}

function newScript(name: string, now: Date): Script {
  return {
    name,
    tag: hexId(),
    createdOn: now.toISOString(),
    modifiedOn: now.toISOString(),
    versions: [],
    deployments: [],
    migrationTag: null,
    classes: new Map(),
    scriptSettings: { logpush: false, tail_consumers: [], observability: null, tags: [] },
    subdomain: { enabled: false, previews_enabled: false },
    schedules: [],
  };
}

/** Source: developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit. */
function isRateLimit({ namespace_id: id, simple }: Binding): boolean {
  return (
    typeof id === "string" &&
    isRecord(simple) &&
    Number(simple["limit"]) > 0 &&
    (simple["period"] === 10 || simple["period"] === 60)
  );
}

function checkBinding(binding: Binding, script: Script, kv: KvNamespaces): void {
  if (binding.type === "durable_object_namespace" && !script.classes.has(String(binding["class_name"])))
    throw noSuchClass(String(binding["class_name"]), binding.name);
  if (binding.type === "kv_namespace" && !kv.has(String(binding["namespace_id"])))
    throw badRequest(`KV namespace of binding ${binding.name} not found`);
  if (binding.type === "ratelimit" && !isRateLimit(binding))
    throw badRequest(`rate limit ${binding.name} has no limit, or a period other than 10 or 60`);
}

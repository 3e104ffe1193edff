/**
 * The Worker: versions and deployments over REST. The call that carries the value goes through wrangler, on stdin, except in an
 * emergency.
 * Never uses `secret put` or `secret bulk`: both deploy at once.
 */
import { type Environment } from "../../contract/config.ts";
import { WORKER_BINDING } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { Api } from "../http.ts";
import { isRecord } from "../../contract/json.ts";
import type { NewDeployment, NewVersion } from "./cloudflare-calls.ts";
import { deploymentList } from "./deployment-list.ts";
import { gatewayProbe } from "./gateway-probe.ts";
import { inTime } from "./in-time.ts";
import { asObject, listAt, textAt, type Json } from "./json.ts";
import type { Annotation, Guard, WorkerLook, WorkerTarget, WorkerVersion } from "./types.ts";
import {
  annotationTexts,
  bindingsOf,
  type Change,
  CONFIG_BINDING,
  fingerprintOf,
  isSecretOf,
  newestFirst,
  NO_CHANGE,
  parseDeployment,
  parseVersion,
  runtimeOf,
  versionOf,
  writtenAt,
} from "./worker-version.ts";
import { checkValue, putVersionSecret } from "./wrangler.ts";

/** Unit: milliseconds. */
const POLL_MS = 200;
/** A new version may be missing from the list for a while; after a failure there may be none. Unit: milliseconds. */
const LISTED_TIMEOUT_MS = 10_000;
const LISTED_AFTER_FAILURE_MS = 2_000;
/** Annotated uploads whose code is looked at beside the deployed ones: the candidate, and what it follows. */
const ANNOTATED = 4;
/** Deployments whose versions are looked at: the present one and those that it may have replaced by mistake. */
const DEPLOYMENTS = 3;

/** Binding with the namespace of what is no secret. */
const KV_BINDING = "KV";

/** Client for one account. */
export function cloudflareApi(context: Context, access: { baseUrl: string; token: string }): Api {
  return new Api(context, {
    vendor: "Cloudflare",
    baseUrl: access.baseUrl,
    tokenVariable: "CLOUDFLARE_API_TOKEN",
    moved: {
      message: "its API is somewhere else",
      hint: HINTS.moved("correct CLOUDFLARE_API_BASE_URL, or unset it: its default is Cloudflare's own API"),
    },
    headers: { authorization: `Bearer ${access.token}` },
    denies: (json) => isRecord(json) && json["success"] === false,
  });
}

/** The annotation of a version that has its other secrets from `from`. */
const madeOf = ({ id }: WorkerVersion, annotation: Annotation): Annotation => ({
  ...annotation,
  madeOf: { id, exact: true },
});

/** The gateway's Worker of one environment. */
export function cloudflareWorker(
  context: Context,
  api: Api,
  environment: Environment,
  access: { baseUrl: string; token: string },
): WorkerTarget {
  const { accountId, worker } = environment.cloudflare;
  const script = `/accounts/${encodeURIComponent(accountId)}/workers/scripts/${encodeURIComponent(worker)}`;
  const gateway = gatewayProbe(context, environment);

  const resultOf = (json: unknown): unknown => asObject(json, "Cloudflare's answer")["result"];
  /** The versions that can be deployed, newest first: the one list whose items are documented to carry annotations. */
  const uploads = async (): Promise<readonly WorkerVersion[]> => {
    const { json } = await api.get(`${script}/versions?deployable=true`);
    return listAt(resultOf(json), "items", "the Worker's versions").map(parseVersion).sort(newestFirst);
  };
  const deployments = deploymentList(context, async () => {
    const answer = await api.get(`${script}/deployments`, { accept: [404] });
    if (answer.status === 404) return [];
    return listAt(resultOf(answer.json), "deployments", "the Worker's deployments").map(parseDeployment);
  });
  // A version never changes, so it is asked once.
  const asked = new Map<string, Json>();
  const detail = async (id: string): Promise<Json> => {
    const known = asked.get(id);
    if (known) return known;
    const { json } = await api.get(`${script}/versions/${encodeURIComponent(id)}`);
    const found = asObject(resultOf(json), "a Worker version");
    asked.set(id, found);
    return found;
  };
  /** A version that the journal or an old deployment names; null when it is gone. */
  const perhaps = async (id: string): Promise<WorkerVersion | null> => {
    try {
      return versionOf(await detail(id));
    } catch (error) {
      if (error instanceof McpistError && error.code === "ERR_NOT_FOUND") return null;
      throw error;
    }
  };

  /** The version that `annotation` describes, if it exists: tells what became of an upload whose reply was lost. */
  const uploaded = async (
    annotation: Annotation,
    known: ReadonlySet<string>,
    timeoutMs: number,
  ): Promise<string | null> => {
    const deadline = context.monotonic() + timeoutMs;
    for (;;) {
      const found = (await uploads()).find(
        (version) =>
          !known.has(version.id) && version.annotatedRun === annotation.run && version.annotatedKid === annotation.kid,
      );
      if (found) return found.id;
      if (context.monotonic() > deadline) return null;
      await context.waits.during("Cloudflare: its list to show the uploaded version", () => context.sleep(POLL_MS));
    }
  };

  /** Uploads the code of `from` again, every binding inherited by id except what `change` names. */
  const uploadAgain = async (
    from: WorkerVersion,
    annotation: Annotation | null,
    guard: Guard,
    secretFrom: WorkerVersion,
    change: Change,
  ): Promise<string> => {
    const [source, content] = await Promise.all([detail(from.id), api.form(`${script}/content/v2?version=${from.id}`)]);
    const bound = bindingsOf(source).map(({ name }) => name);
    // Deleted by hand, perhaps: then only the version that the secret is taken from has it.
    const names = new Set([...bound, WORKER_BINDING, ...Object.keys(change.secrets)].map(String));
    const said = annotation && annotationTexts(annotation);
    const metadata: NewVersion = {
      main_module: content.entrypoint,
      bindings: [...names].map((name): NewVersion["bindings"][number] => {
        const text = change.secrets[name];
        if (text !== undefined) return { type: "secret_text", name, text };
        return change.config !== null && name === CONFIG_BINDING
          ? { type: "plain_text", name, text: change.config }
          : { type: "inherit", name, version_id: name === WORKER_BINDING ? secretFrom.id : from.id };
      }),
      ...runtimeOf(source),
      ...(said ? { annotations: { "workers/tag": said.tag, "workers/message": said.message } } : {}),
    };
    const form = new FormData();
    form.set("metadata", new Blob([JSON.stringify(metadata)], { type: "application/json" }));
    for (const [name, part] of content.form) form.set(name, part instanceof Blob ? part : new Blob([part]), name);
    await guard();
    const { json } = await api.call("POST", `${script}/versions`, { form });
    const id = textAt(resultOf(json), "id", "a new Worker version");
    if (fingerprintOf(await detail(id)) === fingerprintOf(source, change)) return id;
    throw new McpistError(
      "ERR_MISMATCH",
      `the deployed code could not be uploaded again unchanged (Worker version ${id} differs from ${from.id})`,
      {
        hint: HINTS.foreignCode(id),
      },
    );
  };

  const lookAt = async (known: readonly string[], withinMs: number | undefined): Promise<WorkerLook> => {
    const [list, made] = await Promise.all([uploads(), deployments()]);
    const shares = made[0]?.shares ?? [];
    const recent = made
      .slice(0, DEPLOYMENTS)
      .flatMap((deployment) => deployment.shares.map(({ versionId }) => versionId));
    const annotated = list.filter((version) => version.annotatedKid !== null).slice(0, ANNOTATED);
    const ids = new Set([...list.slice(0, 1), ...annotated].map(({ id }) => id).concat(recent, known));
    const [details, kids] = await Promise.all([
      Promise.all([...ids].map(perhaps)),
      gateway.kidsOf(
        shares.map(({ versionId }) => versionId),
        withinMs,
      ),
    ]);
    const byId = new Map(list.map((version) => [version.id, version]));
    const oldest = list.at(-1)?.number ?? 0;
    for (const version of details)
      if (version) {
        const aged = !byId.has(version.id) && version.number < oldest;
        byId.set(version.id, aged ? { ...version, aged } : version);
      }
    return {
      versions: [...byId.values()].sort(newestFirst),
      deployments: made,
      deployment: shares,
      observed: kids,
    };
  };

  return {
    name: worker,
    async names() {
      const answer = await api.get(`${script}/secrets`, { accept: [404] });
      if (answer.status === 404) return { exists: false, secret: false };
      const list = resultOf(answer.json);
      return {
        exists: true,
        secret: Array.isArray(list) && list.some((secret) => isRecord(secret) && secret["name"] === WORKER_BINDING),
      };
    },
    async look(known = [], { withinMs } = {}) {
      return inTime(withinMs ?? Number.POSITIVE_INFINITY, lookAt(known, withinMs && withinMs / 2), () => {
        throw new McpistError("ERR_UNREACHABLE", "Cloudflare did not answer in time", { hint: HINTS.again() });
      });
    },
    async bound() {
      const [newest] = await deployments();
      const [top] = (newest?.shares ?? []).toSorted((a, b) => b.percentage - a.percentage);
      if (!top) return null;
      const bindings = bindingsOf(await detail(top.versionId));
      const at = (name: string, type: string, key: string): string | null => {
        const value = bindings.find((binding) => binding["name"] === name && binding["type"] === type)?.[key];
        return typeof value === "string" ? value : null;
      };
      return {
        versionId: top.versionId,
        config: at(CONFIG_BINDING, "plain_text", "text"),
        kvNamespace: at(KV_BINDING, "kv_namespace", "namespace_id"),
      };
    },
    deployments,
    async upload(value, annotation, guard) {
      const before = await uploads();
      if (before.length === 0)
        throw new McpistError("ERR_NOT_FOUND", `Cloudflare has no Worker ${worker}`, {
          hint: HINTS.deployBase(),
        });
      const known = new Set(before.map((version) => version.id));
      await guard();
      const failure = await putVersionSecret(context, {
        ...access,
        accountId,
        worker,
        name: WORKER_BINDING,
        value,
        ...annotationTexts(annotation),
      });
      const id = await uploaded(annotation, known, failure === null ? LISTED_TIMEOUT_MS : LISTED_AFTER_FAILURE_MS);
      if (id !== null) return id;
      throw (
        failure ??
        new McpistError("ERR_VENDOR", "wrangler reported success, but Cloudflare lists no new version", {
          hint: HINTS.again(),
        })
      );
    },
    async arm(from, value, annotation, guard) {
      checkValue(value);
      const change = { ...NO_CHANGE, secrets: { [WORKER_BINDING]: value } };
      return uploadAgain(from, madeOf(from, annotation), guard, from, change);
    },
    async reupload(from, annotation, guard, secretFrom = from) {
      return uploadAgain(from, annotation && madeOf(from, annotation), guard, secretFrom, NO_CHANGE);
    },
    async reconfigure(from, config, annotation, guard) {
      return uploadAgain(from, annotation && madeOf(from, annotation), guard, from, { ...NO_CHANGE, config });
    },
    async bind(from, secrets, annotation, guard) {
      return uploadAgain(from, annotation && { ...annotation, madeOf: "own" }, guard, from, { ...NO_CHANGE, secrets });
    },
    async secrets(names) {
      const [{ json }, made] = await Promise.all([api.get(`${script}/versions?deployable=true`), deployments()]);
      const ids = (made[0]?.shares ?? []).filter(({ percentage }) => percentage > 0).map(({ versionId }) => versionId);
      const [details, seen] = await Promise.all([Promise.all(ids.map(detail)), Promise.all(ids.map(gateway.observed))]);
      const bound = names.filter((name) => details.length > 0 && details.every((version) => isSecretOf(version, name)));
      const stamp = writtenAt(listAt(resultOf(json), "items", "the Worker's versions"));
      return {
        ok: true,
        instances: seen.map(({ deployment, marks }) => ({ id: deployment, ...(marks ? { markList: marks } : {}) })),
        stamps: Object.fromEntries(bound.map((name) => [name, stamp])),
      };
    },
    async deploy(shares, message, guard, options = { recall: false }) {
      if (options.recall && shares.filter((share) => share.percentage > 0).length !== 1)
        throw new TypeError("an old version is recalled at 0 % only");
      await guard();
      const body: NewDeployment = {
        strategy: "percentage",
        versions: shares.map((share) => ({ version_id: share.versionId, percentage: share.percentage })),
        annotations: { "workers/message": message.slice(0, 100) },
      };
      const path = `${script}/deployments${options.recall ? "?force=true" : ""}`;
      const { json } = await api.call("POST", path, { repeatable: true, body });
      return textAt(resultOf(json), "id", "a new deployment");
    },
    async answers() {
      return (await gateway.anybody())?.kid ?? null;
    },
    async probe(versionId, origin) {
      const seen = await gateway.about(versionId, origin);
      return seen?.via ?? null;
    },
  };
}

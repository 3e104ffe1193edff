/** GitHub over REST: sealed secrets of an environment (or repository), one variable, and the git objects of the journal. */
import { SLOT_VARIABLES, type SlotName } from "../../contract/gateway-secret.ts";
import { githubSecretName, LIVE_VARIABLE, rotationRef } from "../../contract/secret-names.ts";
import type { Environment } from "../../contract/config.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { configFile } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import { Api } from "../http.ts";
import { countdown } from "../patience.ts";
import type { Github, GithubObject } from "./described.ts";
import { asObject, listAt, textAt } from "./json.ts";
import { seal } from "./sealed-box.ts";
import type { GitStore, Guard, SlotValues, Vault } from "./types.ts";

/** Unit: milliseconds. */
const READING_MS = 5000;

/** Where GitHub is and who asks. */
export interface GithubAccess {
  readonly baseUrl: string;
  readonly token: string;
}

/** Client for one repository. @param patience longest time of a call with its waits; absent = that of any call */
export function githubApi(context: Context, access: GithubAccess, patience?: () => number | undefined): Api {
  return new Api(context, {
    ...(patience ? { patience } : {}),
    vendor: "GitHub",
    baseUrl: access.baseUrl,
    tokenVariable: "GH_TOKEN",
    moved: {
      message: "the repository was renamed or moved",
      hint: HINTS.moved((place) => `correct github.owner and github.repo in ${configFile(place)}`),
    },
    forbids: (said) => (/^Repository was archived\b/.test(said) ? HINTS.archived() : null),
    // docs.github.com, Rate limits for the REST API: where no header names a time, at least a minute, then ever longer.
    pauseMs: 60_000,
    headers: {
      authorization: `Bearer ${access.token}`,
      accept: "application/vnd.github+json",
      "x-github-api-version": "2022-11-28",
    },
  });
}

interface Place {
  readonly secrets: string;
  readonly variables: string;
  readonly name: (name: string) => string;
}

/** Paths of the environment's secrets, or of the repository's where the plan has no environments. */
function placeOf(github: Environment["github"]): Place {
  const repo = `/repos/${encodeURIComponent(github.owner)}/${encodeURIComponent(github.repo)}`;
  const base =
    github.scope === "environment"
      ? `${repo}/environments/${encodeURIComponent(github.environment)}`
      : `${repo}/actions`;
  return {
    secrets: `${base}/secrets`,
    variables: `${base}/variables`,
    name: (name) => githubSecretName(github.scope, github.environment, name),
  };
}

const PAGE = 100;
/** Ten times what a place can hold: an answer that never ends must not keep anybody. */
const MAX_PAGES = 10;
/** Each operation is there twice: for an environment and for a repository. */
type ListSecrets = Github<"actions/list-environment-secrets" | "actions/list-repo-secrets">;
type GetKey = Github<"actions/get-environment-public-key" | "actions/get-repo-public-key">;
type PutSecret = Github<"actions/create-or-update-environment-secret" | "actions/create-or-update-repo-secret">;
type GetVariable = Github<"actions/get-environment-variable" | "actions/get-repo-variable">;
type PatchVariable = Github<"actions/update-environment-variable" | "actions/update-repo-variable">;
/** A name that is there already is refused with 409, which the description does not say. */
type PostVariable = Github<"actions/create-environment-variable" | "actions/create-repo-variable", 409>;
type Secret = GithubObject<"actions-secret">;
type Key = GithubObject<"actions-public-key">;
type Commit = GithubObject<"git-commit">;

/** When each secret of a place was written, by name: all in one call, of the at most 100 that a place has. */
async function secretTimes(api: Api, place: Place): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (let page = 1; page <= MAX_PAGES; page++) {
    const answer = await api.get<ListSecrets>(`${place.secrets}?per_page=${PAGE}&page=${page}`, { accept: [404] });
    if (answer.status === 404) return found;
    const secrets = listAt(answer.json, "secrets", "GitHub's list of secrets");
    for (const secret of secrets)
      found.set(
        textAt(secret, "name" satisfies keyof Secret, "a GitHub secret"),
        textAt(secret, "updated_at" satisfies keyof Secret, "a GitHub secret"),
      );
    const { total_count: total } = asObject(answer.json, "GitHub's list of secrets");
    if (secrets.length === 0 || typeof total !== "number" || found.size >= total) return found;
  }
  throw new McpistError("ERR_VENDOR", "GitHub's list of secrets does not end", { hint: HINTS.vendorFault("GitHub") });
}

/** The public key of a place, kept between two writes. */
interface KeptKey {
  json: unknown;
}

/**
 * Seals and puts one secret. A key that rotated meanwhile (422) is fetched once more.
 * @param guard called right before each write, after the look for the key.
 */
export async function putGithubSecret(
  api: Api,
  context: Context,
  github: Environment["github"],
  name: string,
  value: string,
  kept: KeptKey = { json: null },
  guard: Guard = () => Promise.resolve(),
): Promise<void> {
  const place = placeOf(github);
  for (let attempt = 0; ; attempt++) {
    if (attempt > 0) kept.json = null;
    kept.json ??= (await api.get<GetKey>(`${place.secrets}/public-key`)).json;
    const { json } = kept;
    const key = Buffer.from(textAt(json, "key" satisfies keyof Key, "GitHub's public key"), "base64");
    const sealed = seal(Buffer.from(value, "utf8"), key, Uint8Array.from(context.randomBytes(32)));
    const body = {
      encrypted_value: Buffer.from(sealed).toString("base64"),
      key_id: textAt(json, "key_id" satisfies keyof Key, "GitHub's public key"),
    };
    await guard();
    const { status } = await api.call<PutSecret>("PUT", `${place.secrets}/${place.name(name)}`, {
      body,
      accept: attempt === 0 ? [422] : [],
    });
    if (status !== 422) return;
  }
}

/** GitHub as the vault from which a lost target can be filled again. */
export function githubVault(context: Context, api: Api, github: Environment["github"]): Vault {
  const place = placeOf(github);
  const key: KeptKey = { json: null };
  /** A reading counts as long as one of the journal: a run looks every second, and only GitHub's own clock is asked for. */
  let reading: { readonly left: () => number; readonly names: Readonly<Record<SlotName, string | null>> } | null = null;
  return {
    async check() {
      key.json = await checkGithub(api, github);
    },
    async names(maxAgeMs = READING_MS) {
      if (reading !== null && reading.left() > -maxAgeMs) return reading.names;
      const left = countdown(context, 0);
      const held = await secretTimes(api, place);
      const at = (slot: SlotName) => held.get(place.name(SLOT_VARIABLES[slot])) ?? null;
      reading = { left, names: { a: at("a"), b: at("b") } };
      return reading.names;
    },
    async write(values: SlotValues, guard: Guard) {
      for (const slot of ["a", "b"] as const) {
        const value = values[slot];
        if (value === undefined) continue;
        reading = null;
        await putGithubSecret(api, context, github, SLOT_VARIABLES[slot], value, key, guard);
      }
    },
    async put(name, value, guard) {
      await putGithubSecret(api, context, github, name, value, key, guard);
      const { json } = await api.get(`${place.secrets}/${place.name(name)}`);
      return textAt(json, "updated_at", "a GitHub secret");
    },
    async secrets(names) {
      const held = await secretTimes(api, place);
      const stamps = names.flatMap((name) => {
        const at = held.get(place.name(name));
        return at === undefined ? [] : [[name, at] as const];
      });
      return { ok: true, instances: [], stamps: Object.fromEntries(stamps) };
    },
    async writeLive(slot, kid, guard) {
      const name = place.name(LIVE_VARIABLE);
      const body = { name, value: `${slot}:${kid}` };
      // Made or deleted by somebody else in between: looked at again, because the value must be there afterwards.
      for (let tries = 0; ; tries++) {
        const accept = <Status extends number>(status: Status) => (tries < 2 ? [status] : []);
        await guard();
        const updated = await api.call<PatchVariable>("PATCH", `${place.variables}/${name}`, { body, accept: [404] });
        if (updated.status !== 404) return;
        await guard();
        if ((await api.call<PostVariable>("POST", place.variables, { body, accept: accept(409) })).status !== 409)
          return;
      }
    },
    async live() {
      const answer = await api.get<GetVariable>(`${place.variables}/${place.name(LIVE_VARIABLE)}`, { accept: [404] });
      return answer.status === 404
        ? null
        : textAt(answer.json, "value" satisfies keyof GithubObject<"actions-variable">, "a GitHub variable");
    },
  };
}

/** The rotation ref as a compare-and-set store. */
export function githubStore(api: Api, environmentName: string, github: Environment["github"]): GitStore {
  const repo = `/repos/${encodeURIComponent(github.owner)}/${encodeURIComponent(github.repo)}`;
  const ref = rotationRef(environmentName);
  const short = ref.replace(/^refs\//, "");
  let tree: string | null = null;
  let serverTime = 0;
  const noteTime = (headers: Headers) => {
    const date = Date.parse(headers.get("date") ?? "");
    if (!Number.isNaN(date)) serverTime = date;
  };
  const treeOf = async (): Promise<string> => {
    const content = "Lock, journal and audit trail of mcpist secrets rotate. Do not edit, do not delete.\n";
    tree ??= textAt(
      (
        await api.call<Github<"git/create-tree">>("POST", `${repo}/git/trees`, {
          body: { tree: [{ path: "README", mode: "100644", type: "blob", content }] },
          repeatable: true,
        })
      ).json,
      "sha",
      "a git tree",
    );
    return tree;
  };
  return {
    serverTime: () => serverTime,
    async readRef() {
      const answer = await api.get<Github<"git/get-ref">>(`${repo}/git/ref/${short}`, { accept: [404] });
      noteTime(answer.headers);
      if (answer.status === 404) return null;
      return { sha: shaOf(answer.json) };
    },
    async createRef(sha) {
      const body = { ref, sha };
      const made = await api.call<Github<"git/create-ref">>("POST", `${repo}/git/refs`, { body, accept: [422] });
      return made.status === 201;
    },
    async updateRef(sha) {
      const path = `${repo}/git/refs/${short}`;
      const body = { sha, force: false };
      const moved = await api.call<Github<"git/update-ref">>("PATCH", path, { body, accept: [422] });
      return moved.status === 200 && shaOf(moved.json) === sha;
    },
    async createCommit(message, parents) {
      const body = { message, tree: await treeOf(), parents: [...parents] };
      const answer = await api.call<Github<"git/create-commit">>("POST", `${repo}/git/commits`, {
        body,
        repeatable: true,
      });
      noteTime(answer.headers);
      const made = asObject(answer.json, "a git commit");
      const committer = made["committer" satisfies keyof Commit];
      return { sha: textAt(made, "sha", "a git commit"), date: textAt(committer, "date", "a git commit") };
    },
    async readCommit(sha) {
      const { json } = await api.get<Github<"git/get-commit">>(`${repo}/git/commits/${sha}`);
      const held = asObject(json, "a git commit");
      // All entries have the same tree, so that it need not be made again.
      tree ??= textAt(held["tree" satisfies keyof Commit], "sha", "a git commit's tree");
      return {
        message: textAt(held, "message" satisfies keyof Commit, "a git commit"),
        parents: listAt(held, "parents" satisfies keyof Commit, "a git commit").map((parent) =>
          textAt(parent, "sha", "a git commit's parent"),
        ),
        date: textAt(held["committer" satisfies keyof Commit], "date", "a git commit"),
      };
    },
    async workflowRun(id) {
      if (!/^\d+$/.test(id)) return "unknown";
      const answer = await api.get<Github<"actions/get-workflow-run">>(`${repo}/actions/runs/${id}`, { accept: [404] });
      if (answer.status === 404) return "unknown";
      return textAt(answer.json, "status" satisfies keyof GithubObject<"workflow-run">, "a workflow run") ===
        "completed"
        ? "over"
        : "alive";
    },
  };
}

/** Where a ref is. */
const shaOf = (json: unknown): string =>
  textAt(
    asObject(json, "the rotation ref")["object" satisfies keyof GithubObject<"git-ref">],
    "sha",
    "the rotation ref",
  );

/** @returns the public key of the place. @throws {McpistError} ERR_NOT_FOUND when there is no such place. */
async function checkGithub(api: Api, github: Environment["github"]): Promise<unknown> {
  const place = placeOf(github);
  const answer = await api.get<GetKey>(`${place.secrets}/public-key`, { accept: [404] });
  if (answer.status !== 404) return answer.json;
  throw new McpistError(
    "ERR_NOT_FOUND",
    `GitHub does not know ${github.scope} "${github.environment}" of ${github.owner}/${github.repo}, or hides it`,
    {
      hint: HINTS.deployBaseOrAccess(),
    },
  );
}

import sodium from "libsodium-wrappers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createContext } from "../context.ts";
import type { VendorContext } from "../vendor.ts";
import { startGithub, type Github } from "./github.ts";

let context: VendorContext;
let github: Github;
const unknown: string[] = [];
const REPO = "/repos/sandbox-org/mcp";

beforeEach(async () => {
  unknown.length = 0;
  context = createContext({ log: (line) => unknown.push(line), timings: { githubLagMs: 0 } });
  github = await startGithub(context, { owner: "sandbox-org", repo: "mcp" });
});
afterEach(async () => {
  vi.useRealTimers();
  await github.close();
});

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(github.url + path, {
    method,
    headers: { authorization: `Bearer ${context.tokens.github}`, "user-agent": "test", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    json: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text,
  };
}

async function seal(base: string, value: string) {
  const { json } = await call("GET", `${base}/secrets/public-key`);
  const sealed = sodium.crypto_box_seal(value, sodium.from_base64(json.key, sodium.base64_variants.ORIGINAL));
  return { key_id: json.key_id, encrypted_value: sodium.to_base64(sealed, sodium.base64_variants.ORIGINAL) };
}

test.each([
  ["a repository", `${REPO}/actions`, undefined],
  ["an environment", `${REPO}/environments/production`, "production"],
])(
  "a secret of %s is opened with that scope's key: 201 first, 204 after, never read back",
  async (_scope, base, environment) => {
    await call("PUT", `${REPO}/environments/production`, {});
    expect((await call("PUT", `${base}/secrets/NAME`, await seal(base, "first"))).status).toBe(201);
    const again = await call("PUT", `${base}/secrets/NAME`, await seal(base, "second"));
    expect([again.status, again.json]).toEqual([204, ""]);
    expect(github.reveal("NAME", environment)).toBe("second");
    const { json } = await call("GET", `${base}/secrets/NAME`);
    expect(Object.keys(json).sort()).toEqual(["created_at", "name", "updated_at"]);
  },
);

test("a box for another scope's key, a stale key id, a broken box and a bad name are refused with 422", async () => {
  await call("PUT", `${REPO}/environments/production`, {});
  const forRepository = await seal(`${REPO}/actions`, "value");
  const forEnvironment = await seal(`${REPO}/environments/production`, "value");
  const put = async (name: string, body: unknown) =>
    (await call("PUT", `${REPO}/environments/production/secrets/${name}`, body)).status;
  expect(await put("NAME", forRepository)).toBe(422);
  expect(await put("NAME", { ...forEnvironment, encrypted_value: forRepository.encrypted_value })).toBe(422);
  expect(await put("NAME", { ...forEnvironment, encrypted_value: "AAAA" })).toBe(422);
  expect(await put("GITHUB_NAME", forEnvironment)).toBe(422);
  github.rotateKeys();
  expect(await put("NAME", forEnvironment)).toBe(422);
  expect(github.reveal("NAME", "production")).toBeUndefined();
});

test("a new updated_at becomes visible only after the lag", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  context.timings = { ...context.timings, githubLagMs: 60_000 };
  const base = `${REPO}/actions`;
  await call("PUT", `${base}/secrets/NAME`, await seal(base, "first"));
  const before = (await call("GET", `${base}/secrets/NAME`)).json.updated_at;
  vi.setSystemTime(Date.now() + 1100);
  await call("PUT", `${base}/secrets/NAME`, await seal(base, "second"));
  expect((await call("GET", `${base}/secrets/NAME`)).json.updated_at).toBe(before);
});

test("variables: 201, then 409, PATCH 204, list; environments carry their own", async () => {
  await call("PUT", `${REPO}/environments/production`, {});
  const base = `${REPO}/environments/production/variables`;
  expect((await call("POST", base, { name: "LIVE", value: "a" })).status).toBe(201);
  expect((await call("POST", base, { name: "live", value: "b" })).status).toBe(409);
  expect((await call("PATCH", `${base}/LIVE`, { value: "c" })).status).toBe(204);
  expect((await call("GET", base)).json).toMatchObject({ total_count: 1, variables: [{ name: "LIVE", value: "c" }] });
  expect((await call("GET", `${REPO}/actions/variables`)).json.total_count).toBe(0);
  expect((await call("PATCH", `${base}/ABSENT`, { value: "c" })).status).toBe(404);
});

async function commit(parents: readonly string[], message: string): Promise<string> {
  const tree = await call("POST", `${REPO}/git/trees`, {
    tree: [{ path: "entry.json", mode: "100644", type: "blob", content: `{"m":"${message}"}` }],
  });
  expect(tree.status).toBe(201);
  const made = await call("POST", `${REPO}/git/commits`, { message, tree: tree.json.sha, parents });
  expect(made.status).toBe(201);
  return made.json.sha;
}

test("a ref is a lock: it can be created once, and of two updates from one parent exactly one is a fast-forward", async () => {
  const first = await commit([], "first");
  const ref = "refs/mcpist/rotation/production";
  expect((await call("GET", `${REPO}/git/ref/mcpist/rotation/production`)).status).toBe(404);
  const creations = await Promise.all([1, 2].map(() => call("POST", `${REPO}/git/refs`, { ref, sha: first })));
  expect(creations.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 422]);
  const [mine, theirs] = [await commit([first], "mine"), await commit([first], "theirs")];
  const updates = await Promise.all(
    [mine, theirs].map((sha) => call("PATCH", `${REPO}/git/${ref}`, { sha, force: false })),
  );
  expect(updates.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 422]);
  expect(updates.find(({ status }) => status === 422)?.json.message).toBe("Update is not a fast forward");
  const winner = updates.find(({ status }) => status === 200)?.json.object.sha;
  expect((await call("GET", `${REPO}/git/ref/mcpist/rotation/production`)).json.object.sha).toBe(winner);
  const log = await call("GET", `${REPO}/commits?sha=${winner}`);
  expect(log.json.map((entry: { sha: string }) => entry.sha)).toEqual([winner, first]);
});

test("object ids are git's own", async () => {
  // printf x > f && git hash-object f && git add f && git write-tree
  const tree = await call("POST", `${REPO}/git/trees`, {
    tree: [{ path: "f", mode: "100644", type: "blob", content: "x" }],
  });
  expect(tree.json.tree[0].sha).toBe("c1b0730e0133447badcfd47fd144e254807b06e1");
  expect(tree.json.sha).toBe("2561a62d4223eb7660d3b6b02b707048382f4019");
});

test("a missing token is 404 on a repository and 401 elsewhere, a wrong one 401, a foreign repository 404", async () => {
  const bare = async (path: string, headers: Record<string, string> = {}) =>
    (await fetch(github.url + path, { headers: { "user-agent": "test", ...headers } })).status;
  expect(await bare(REPO)).toBe(404);
  expect(await bare("/user")).toBe(401);
  expect(await bare(REPO, { authorization: "Bearer wrong" })).toBe(401);
  expect((await call("GET", "/repos/sandbox-org/other")).status).toBe(404);
  expect((await call("GET", "/user", undefined, { "x-github-api-version": "2001-01-01" })).status).toBe(400);
});

test("every answer carries the rate limit; the secondary limit answers 403 with retry-after once it is armed", async () => {
  const { headers } = await call("GET", REPO);
  expect(headers.get("x-ratelimit-limit")).toBe("5000");
  github.rates.secondary = { pointsPerMinute: 900, writesPerMinute: 80, retryAfter: true };
  const statuses = await Promise.all(Array.from({ length: 82 }, () => call("PUT", `${REPO}/environments/e`, {})));
  const refused = statuses.filter(({ status }) => status === 403);
  expect(refused.length).toBeGreaterThan(0);
  expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("a secondary limit may be told by nothing but its sentence", async () => {
  github.rates.secondary = { pointsPerMinute: 900, writesPerMinute: 0, retryAfter: false };
  const { status, json, headers } = await call("PUT", `${REPO}/environments/e`, {});
  expect([status, headers.get("retry-after"), Number(headers.get("x-ratelimit-remaining")) > 0]).toEqual([
    403,
    null,
    true,
  ]);
  expect(json.message).toMatch(/^You have exceeded a secondary rate limit\./);
});

test("the account's limits can be asked for, count what was used, and asking is free", async () => {
  const before = (await call("GET", "/rate_limit")).json;
  await call("GET", REPO);
  await call("GET", "/search/repositories?q=mcp");
  const { json, headers } = await call("GET", "/rate_limit");
  expect(json.rate).toEqual(json.resources.core);
  expect(json.resources.core).toMatchObject({ limit: 5000, used: before.rate.used + 1 });
  expect(json.resources.core.remaining).toBe(5000 - json.resources.core.used);
  expect(json.resources.search.used).toBe(before.resources.search.used + 1);
  expect(json.resources.core.reset * 1000).toBeGreaterThan(Date.now());
  expect(headers.get("x-ratelimit-used")).toBe(String(json.rate.used));
});

test("the prefix /api/v3, repository ids and conditional requests answer like the plain path", async () => {
  const plain = await call("GET", REPO);
  expect((await call("GET", `/api/v3${REPO}`)).json).toEqual(plain.json);
  expect((await call("GET", `/api/v3/repositories/${plain.json.id}/actions/secrets/public-key`)).status).toBe(200);
  const tag = plain.headers.get("etag") ?? "";
  expect((await call("GET", REPO, undefined, { "if-none-match": tag })).status).toBe(304);
});

test("a conditional request that is answered with 304 costs nothing of the limit per hour", async () => {
  const { headers } = await call("GET", REPO);
  const used = Number(headers.get("x-ratelimit-used"));
  const same = await call("GET", REPO, undefined, { "if-none-match": headers.get("etag") ?? "" });
  expect([same.status, Number(same.headers.get("x-ratelimit-used"))]).toEqual([304, used]);
  const changed = await call("GET", REPO, undefined, { "if-none-match": 'W/"other"' });
  expect([changed.status, Number(changed.headers.get("x-ratelimit-used"))]).toEqual([200, used + 1]);
});

test("a list names its other pages, and GraphQL knows two questions", async () => {
  for (const name of ["a", "b", "c"])
    await call("PUT", `${REPO}/actions/secrets/${name}`, await seal(`${REPO}/actions`, "x"));
  const first = await call("GET", `${REPO}/actions/secrets?per_page=2`);
  expect(first.headers.get("link")).toBe(
    `<${github.url}${REPO}/actions/secrets?per_page=2&page=2>; rel="next", <${github.url}${REPO}/actions/secrets?per_page=2&page=2>; rel="last"`,
  );
  expect((await call("GET", `${REPO}/actions/secrets?per_page=2&page=2`)).json.secrets).toHaveLength(1);
  expect(
    (await call("POST", "/graphql", { query: "query UserCurrent { viewer { login } }" })).json.data.viewer.login,
  ).toBe("sandbox-operator");
  const query = "query($owner:String!,$name:String!){repository(owner: $owner, name: $name){id}}";
  expect(
    (await call("POST", "/api/graphql", { query, variables: { owner: "sandbox-org", name: "mcp" } })).json.data
      .repository.id,
  ).toMatch(/^R_/);
  // As `gh variable set --env` asks (gh 2.60 and later): several at once, under names of its own.
  const map = (...names: readonly string[]) => {
    const asked = names.map(
      (name, i) => `repo_00${i}: repository(owner: "sandbox-org", name: "${name}") { databaseId }`,
    );
    return call("POST", "/graphql", { query: `query MapRepositoryNames {\n ${asked.join("\n")} }` });
  };
  expect((await map("mcp", "mcp")).json.data.repo_001.databaseId).toBe(github.repository.id);
  expect((await map("mcp", "absent")).json).toMatchObject({
    data: { repo_000: { databaseId: github.repository.id }, repo_001: null },
    errors: [{ type: "NOT_FOUND", path: ["repo_001"] }],
  });
  expect((await call("POST", "/graphql", { query: "{ rateLimit { cost } }" })).json.errors).toHaveLength(1);
  expect(context.faults.calls.at(-1)?.known).toBe(false);
});

test("a call that is not imitated is a 404 and is reported by name", async () => {
  expect((await call("GET", `${REPO}/stargazers`)).status).toBe(404);
  expect(unknown).toEqual(["sandbox: github does not imitate GET /repos/sandbox-org/mcp/stargazers"]);
  expect(context.faults.calls.at(-1)).toMatchObject({ known: false, status: 404 });
});

test("a parameter that is not imitated is not ignored", async () => {
  for (const query of ["git/trees/main?recursive=1", "commits?since=2026-01-01T00:00:00Z"])
    expect((await call("GET", `${REPO}/${query}`)).status).toBe(404);
  expect(context.faults.calls.slice(-2).map(({ known }) => known)).toEqual([false, false]);
});

test("a workflow run is what a scenario says it is", async () => {
  expect((await call("GET", `${REPO}/actions/runs/7`)).status).toBe(404);
  github.setRun(7, "completed", "failure");
  expect((await call("GET", `${REPO}/actions/runs/7`)).json).toMatchObject({
    status: "completed",
    conclusion: "failure",
  });
});

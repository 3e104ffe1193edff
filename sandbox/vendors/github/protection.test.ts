import { afterEach, beforeEach, expect, test } from "vitest";
import { createContext } from "../context.ts";
import type { VendorContext } from "../vendor.ts";
import { startGithub, type Github } from "./github.ts";

let context: VendorContext;
let github: Github;
const REPO = "/api/v3/repos/sandbox-org/mcp";

beforeEach(async () => {
  context = createContext({ log: () => undefined });
  github = await startGithub(context, { owner: "sandbox-org", repo: "mcp" });
});
afterEach(() => github.close());

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(github.url + path, {
    method,
    headers: { authorization: `Bearer ${context.tokens.github}`, "user-agent": "test" },
    redirect: "manual",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text };
}

test("repository settings are written in part and shown back over GitHub's defaults", async () => {
  const changed = await call("PATCH", REPO, {
    delete_branch_on_merge: true,
    security_and_analysis: { secret_scanning: { status: "enabled" } },
  });
  expect(changed.json).toMatchObject({
    delete_branch_on_merge: true,
    has_issues: true,
    visibility: "private",
    private: true,
  });
  await call("PATCH", REPO, { security_and_analysis: { secret_scanning_push_protection: { status: "enabled" } } });
  expect((await call("GET", REPO)).json.security_and_analysis).toEqual({
    secret_scanning: { status: "enabled" },
    secret_scanning_push_protection: { status: "enabled" },
  });
});

test("an archived repository is read-only", async () => {
  await call("PATCH", REPO, { archived: true });
  expect((await call("PATCH", REPO, { has_wiki: false })).status).toBe(403);
});

test("security updates need vulnerability alerts", async () => {
  expect((await call("GET", `${REPO}/vulnerability-alerts`)).status).toBe(404);
  expect((await call("PUT", `${REPO}/automated-security-fixes`)).status).toBe(422);
  expect((await call("PUT", `${REPO}/vulnerability-alerts`)).status).toBe(204);
  expect((await call("GET", `${REPO}/vulnerability-alerts`)).status).toBe(204);
  expect((await call("PUT", `${REPO}/automated-security-fixes`)).status).toBe(204);
  expect((await call("GET", `${REPO}/automated-security-fixes`)).json).toEqual({ enabled: true, paused: false });
  await call("DELETE", `${REPO}/vulnerability-alerts`);
  expect((await call("GET", `${REPO}/automated-security-fixes`)).status).toBe(404);
});

test("a ruleset is made, changed, listed and removed; its name is unique", async () => {
  const ruleset = { name: "floor", target: "branch", enforcement: "active", rules: [{ type: "deletion" }] };
  const made = await call("POST", `${REPO}/rulesets`, ruleset);
  expect([made.status, made.json.source]).toEqual([201, "sandbox-org/mcp"]);
  expect((await call("POST", `${REPO}/rulesets`, ruleset)).status).toBe(422);
  expect((await call("POST", `${REPO}/rulesets`, { ...ruleset, name: "x", enforcement: "sometimes" })).status).toBe(
    422,
  );
  const path = `${REPO}/rulesets/${made.json.id}`;
  expect((await call("PUT", path, { enforcement: "disabled" })).json).toMatchObject({
    name: "floor",
    enforcement: "disabled",
  });
  expect((await call("GET", `${path}?includes_parents=false`)).json.rules).toEqual([{ type: "deletion" }]);
  expect((await call("GET", `${REPO}/rulesets`)).json).toHaveLength(1);
  expect([(await call("DELETE", path)).status, (await call("GET", path)).status]).toEqual([204, 404]);
});

test("branch policies exist only while the environment has its own", async () => {
  const environment = `${REPO}/environments/production`;
  const policies = `${environment}/deployment-branch-policies`;
  await call("PUT", environment, {});
  expect((await call("POST", policies, { name: "main" })).status).toBe(404);
  await call("PUT", environment, {
    deployment_branch_policy: { protected_branches: false, custom_branch_policies: true },
  });
  const made = await call("POST", policies, { name: "main" });
  expect([made.status, made.json.type]).toEqual([200, "branch"]);
  expect((await call("POST", policies, { name: "main" })).status).toBe(303);
  expect((await call("PUT", `${policies}/${made.json.id}`, { name: "release/*" })).json.name).toBe("release/*");
  expect((await call("GET", policies)).json).toMatchObject({
    total_count: 1,
    branch_policies: [{ name: "release/*" }],
  });
  await call("PUT", environment, { deployment_branch_policy: null });
  expect((await call("GET", `${policies}/${made.json.id}`)).status).toBe(404);
  expect(
    (
      await call("PUT", environment, {
        deployment_branch_policy: { protected_branches: true, custom_branch_policies: true },
      })
    ).status,
  ).toBe(422);
});

test("an environment shows its reviewers and waits as protection rules", async () => {
  const environment = `${REPO}/environments/production`;
  await call("PUT", environment, {
    wait_timer: 5,
    prevent_self_review: true,
    can_admins_bypass: false,
    reviewers: [{ type: "User", id: 7 }],
  });
  const { json } = await call("GET", environment);
  expect(json.can_admins_bypass).toBe(false);
  expect(json.protection_rules).toMatchObject([
    { type: "wait_timer", wait_timer: 5 },
    { type: "required_reviewers", prevent_self_review: true, reviewers: [{ type: "User", reviewer: { id: 7 } }] },
  ]);
  expect((await call("PUT", environment, { wait_timer: 99_999 })).status).toBe(422);
});

test("the token of workflows and the topics are kept", async () => {
  expect(
    (await call("PUT", `${REPO}/actions/permissions/workflow`, { default_workflow_permissions: "write" })).status,
  ).toBe(204);
  expect((await call("GET", `${REPO}/actions/permissions/workflow`)).json).toEqual({
    default_workflow_permissions: "write",
    can_approve_pull_request_reviews: false,
  });
  expect((await call("PUT", `${REPO}/topics`, { names: ["Bad Topic"] })).status).toBe(422);
  await call("PUT", `${REPO}/topics`, { names: ["mcp"] });
  expect((await call("GET", REPO)).json.topics).toEqual(["mcp"]);
});

test("a repository can be made, renamed and removed", async () => {
  const made = await call("POST", "/orgs/sandbox-org/repos", { name: "second", visibility: "public" });
  expect([made.status, made.json.private]).toEqual([201, false]);
  expect((await call("POST", "/orgs/sandbox-org/repos", { name: "second" })).status).toBe(422);
  await call("PATCH", "/repos/sandbox-org/second", { name: "third" });
  expect((await call("GET", `/repositories/${made.json.id}`)).json.name).toBe("third");
  expect([
    (await call("DELETE", "/repos/sandbox-org/third")).status,
    (await call("GET", "/repos/sandbox-org/third")).status,
  ]).toEqual([204, 404]);
});

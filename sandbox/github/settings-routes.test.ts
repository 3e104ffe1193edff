import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createContext } from "../context.ts";
import type { VendorContext } from "../vendor.ts";
import { type Github, startGithub } from "./github.ts";

const REPO = "/repos/sandbox-org/mcp";
const POLICIES = `${REPO}/environments/production/deployment-branch-policies`;
let context: VendorContext;
let github: Github;

beforeEach(async () => {
  context = createContext({ log: () => undefined });
  github = await startGithub(context, { owner: "sandbox-org", repo: "mcp" });
});
afterEach(() => github.close());

async function call(method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${context.tokens.github}`, "user-agent": "test" };
  const response = await fetch(github.url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, json: text === "" ? null : (JSON.parse(text) as Record<string, unknown>) };
}

describe("branch policies of an environment", () => {
  it("exist only where the environment asks for custom ones", async () => {
    await call("PUT", `${REPO}/environments/production`, { deployment_branch_policy: null });
    expect((await call("POST", POLICIES, { name: "main" })).status).toBe(404);
  });

  it("are made, changed, listed and deleted, one per name", async () => {
    const policy = { protected_branches: false, custom_branch_policies: true };
    await call("PUT", `${REPO}/environments/production`, { deployment_branch_policy: policy });
    const made = await call("POST", POLICIES, { name: "main", type: "branch" });
    expect((await call("POST", POLICIES, { name: "main", type: "branch" })).json).toEqual(made.json);
    const path = `${POLICIES}/${String(made.json?.["id"])}`;
    expect((await call("PUT", path, { name: "release/*" })).json).toMatchObject({ name: "release/*", type: "branch" });
    expect((await call("GET", POLICIES)).json).toMatchObject({ total_count: 1 });
    expect((await call("DELETE", path)).status).toBe(204);
    expect((await call("GET", path)).status).toBe(404);
  });
});

describe("repository settings", () => {
  it("switch alerts and security fixes on and off", async () => {
    expect((await call("GET", `${REPO}/vulnerability-alerts`)).status).toBe(404);
    await call("PUT", `${REPO}/vulnerability-alerts`);
    expect((await call("GET", `${REPO}/vulnerability-alerts`)).status).toBe(204);
    await call("PUT", `${REPO}/automated-security-fixes`);
    expect((await call("GET", `${REPO}/automated-security-fixes`)).json).toEqual({ enabled: true, paused: false });
    await call("DELETE", `${REPO}/automated-security-fixes`);
    expect((await call("GET", `${REPO}/automated-security-fixes`)).json).toMatchObject({ enabled: false });
  });

  it("keep rulesets under unique names", async () => {
    const made = await call("POST", `${REPO}/rulesets`, { name: "mcpist", target: "branch", enforcement: "active" });
    expect(made.status).toBe(201);
    expect((await call("POST", `${REPO}/rulesets`, { name: "mcpist" })).status).toBe(422);
    const path = `${REPO}/rulesets/${String(made.json?.["id"])}`;
    expect((await call("PUT", path, { enforcement: "disabled" })).json).toMatchObject({ name: "mcpist", enforcement: "disabled" });
    expect((await call("DELETE", path)).status).toBe(204);
  });

  it("show back what was written to the repository and to the workflow token", async () => {
    expect((await call("PATCH", REPO, { delete_branch_on_merge: true })).json).toMatchObject({ delete_branch_on_merge: true });
    const read = { default_workflow_permissions: "read", can_approve_pull_request_reviews: false };
    await call("PUT", `${REPO}/actions/permissions/workflow`, read);
    expect((await call("GET", `${REPO}/actions/permissions/workflow`)).json).toEqual(read);
    expect((await call("PUT", `${REPO}/topics`, { names: ["mcp"] })).json).toEqual({ names: ["mcp"] });
  });
});

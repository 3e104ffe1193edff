/** Stand-in for integrations/github 6.13: the same calls for an environment and its branch policy. */
import { type Api, api, unlessGone } from "./http.ts";
import { isRecord } from "../../../contract/json.ts";
import { records } from "./json.ts";
import { schemaOf } from "./schema.ts";
import type { Provider, Resource } from "./server.ts";
import type { Values } from "./values.ts";

interface Repository {
  readonly call: () => Api;
  /** Path of the environment that `values` is about. */
  readonly path: (values: Values) => string;
}

function environments({ call, path }: Repository): Resource {
  const write = async (planned: Values): Promise<Values> => {
    const [policy] = records(planned["deployment_branch_policy"]);
    const [named] = records(planned["reviewers"]);
    const ids = (kind: "users" | "teams") => (Array.isArray(named?.[kind]) ? named[kind] : []) as readonly number[];
    await call()("PUT", path(planned), {
      wait_timer: planned["wait_timer"] ?? 0,
      can_admins_bypass: planned["can_admins_bypass"],
      prevent_self_review: planned["prevent_self_review"],
      reviewers: [
        ...ids("users").map((id) => ({ type: "User", id })),
        ...ids("teams").map((id) => ({ type: "Team", id })),
      ],
      deployment_branch_policy: policy ?? null,
    });
    return { ...planned, id: `${String(planned["repository"])}:${String(planned["environment"])}` };
  };
  return {
    replace: ["repository", "environment"],
    defaults: { can_admins_bypass: true, prevent_self_review: false },
    create: write,
    update: write,
    read: (state) =>
      unlessGone(async () => {
        const seen = await call()("GET", path(state));
        const policy = isRecord(seen["deployment_branch_policy"]) ? [seen["deployment_branch_policy"]] : [];
        return { ...state, can_admins_bypass: seen["can_admins_bypass"], deployment_branch_policy: policy };
      }),
    remove: async (state) => {
      await call()("DELETE", path(state));
    },
  };
}

function branchPolicies({ call, path }: Repository): Resource {
  const all = (values: Values) => `${path(values)}/deployment-branch-policies`;
  const numberOf = (values: Values) => String(values["id"]).split(":").at(-1);
  return {
    replace: ["repository", "environment"],
    create: async (planned) => {
      const { id } = await call()("POST", all(planned), { name: planned["branch_pattern"], type: "branch" });
      return { ...planned, id: `${String(planned["repository"])}:${String(planned["environment"])}:${String(id)}` };
    },
    update: async (planned, prior) => {
      await call()("PUT", `${all(prior)}/${numberOf(prior)}`, { name: planned["branch_pattern"] });
      return { ...planned, id: prior["id"] };
    },
    read: (state) =>
      unlessGone(async () => ({
        ...state,
        branch_pattern: (await call()("GET", `${all(state)}/${numberOf(state)}`))["name"],
      })),
    remove: async (state) => {
      await unlessGone(() => call()("DELETE", `${all(state)}/${numberOf(state)}`));
    },
  };
}

/** The provider. Reads what the real one reads: `GITHUB_BASE_URL` and `GITHUB_TOKEN`. */
export function github(env: Readonly<Record<string, string | undefined>>): Provider {
  let connected = api("http://127.0.0.1:9", "");
  let owner = "";
  const repository: Repository = {
    call: () => connected,
    path: (values) =>
      `/repos/${owner}/${String(values["repository"])}/environments/${encodeURIComponent(String(values["environment"]))}`,
  };
  return {
    schema: schemaOf("github"),
    configure: (config) => {
      owner = String(config["owner"]);
      connected = api((env["GITHUB_BASE_URL"] ?? "").replace(/\/$/, ""), env["GITHUB_TOKEN"] ?? "");
    },
    resources: {
      github_repository_environment: environments(repository),
      github_repository_environment_deployment_policy: branchPolicies(repository),
    },
  };
}

/** Objects of GitHub's REST API in the project's own words. operations.ts holds them against the vendor's types. */

type Named<Names extends readonly string[], Kind> = { readonly [Name in Names[number]]: Kind };
const all =
  <const Kind extends string>(kind: Kind) =>
  <const Names extends readonly string[]>(...names: Names): Named<Names, Kind> =>
    Object.fromEntries(names.map((name) => [name, kind])) as Named<Names, Kind>;
export const texts = all("string");
const flags = all("boolean");

export const PAGES = { per_page: "number", page: "number" } as const;
const TIMES = { created_at: "string", updated_at: "string" } as const;
const URL_FIELDS = { url: "string", html_url: "string" } as const;

const USER = {
  fields: {
    login: "string",
    id: "number",
    ...texts("node_id", "avatar_url", "gravatar_id"),
    ...URL_FIELDS,
    ...texts(
      "followers_url",
      "following_url",
      "gists_url",
      "starred_url",
      "subscriptions_url",
      "organizations_url",
      "repos_url",
      "events_url",
      "received_events_url",
      "type",
    ),
    site_admin: "boolean",
  },
} as const;

const COUNTS = { public_repos: "number", public_gists: "number", followers: "number", following: "number" } as const;
export const PROFILE = {
  fields: {
    ...USER.fields,
    ...TIMES,
    ...COUNTS,
    ...texts("name", "company", "blog", "location", "email"),
    hireable: "boolean",
    bio: "string",
  },
} as const;

export const ORGANIZATION = {
  fields: {
    login: "string",
    id: "number",
    node_id: "string",
    ...URL_FIELDS,
    ...TIMES,
    ...COUNTS,
    ...texts(
      "repos_url",
      "events_url",
      "hooks_url",
      "issues_url",
      "members_url",
      "public_members_url",
      "avatar_url",
      "description",
    ),
    has_organization_projects: "boolean",
    has_repository_projects: "boolean",
    type: "string",
    plan: { fields: { name: "string", space: "number", private_repos: "number" } },
    archived_at: "string",
  },
} as const;

const MINIMAL_REPOSITORY = {
  fields: {
    id: "number",
    ...texts("node_id", "name", "full_name"),
    owner: USER,
    private: "boolean",
    description: "string",
    fork: "boolean",
    ...URL_FIELDS,
    ...texts(
      "archive_url",
      "assignees_url",
      "blobs_url",
      "branches_url",
      "collaborators_url",
      "comments_url",
      "commits_url",
      "compare_url",
      "contents_url",
      "contributors_url",
      "deployments_url",
      "downloads_url",
      "events_url",
      "forks_url",
      "git_commits_url",
      "git_refs_url",
      "git_tags_url",
      "hooks_url",
      "issue_comment_url",
      "issue_events_url",
      "issues_url",
      "keys_url",
      "labels_url",
      "languages_url",
      "merges_url",
      "milestones_url",
      "notifications_url",
      "pulls_url",
      "releases_url",
      "stargazers_url",
      "statuses_url",
      "subscribers_url",
      "subscription_url",
      "tags_url",
      "teams_url",
      "trees_url",
    ),
  },
} as const;

/** Of a repository and of what a search finds. */
const SHOWN = {
  ...MINIMAL_REPOSITORY.fields,
  ...TIMES,
  ...flags(
    "archived",
    "allow_auto_merge",
    "allow_forking",
    "allow_merge_commit",
    "allow_rebase_merge",
    "allow_squash_merge",
  ),
  clone_url: "string",
  default_branch: "string",
  delete_branch_on_merge: "boolean",
  disabled: "boolean",
  forks: "number",
  forks_count: "number",
  git_url: "string",
  ...flags(
    "has_discussions",
    "has_downloads",
    "has_issues",
    "has_pages",
    "has_projects",
    "has_pull_requests",
    "has_wiki",
  ),
  homepage: "string",
  is_template: "boolean",
  language: "string",
  license: "any",
  mirror_url: "string",
  open_issues: "number",
  open_issues_count: "number",
  permissions: {
    fields: { admin: "boolean", maintain: "boolean", push: "boolean", triage: "boolean", pull: "boolean" },
  },
  pushed_at: "string",
  size: "number",
  ssh_url: "string",
  stargazers_count: "number",
  svn_url: "string",
  topics: { list: "string" },
  visibility: "string",
  watchers: "number",
  watchers_count: "number",
  web_commit_signoff_required: "boolean",
} as const;

const ON_OR_OFF = { fields: { status: { enum: ["enabled", "disabled"] } } } as const;
const STATUS = { fields: { status: "string" } } as const;
const WRITTEN = {
  merge_commit_message: { enum: ["PR_BODY", "PR_TITLE", "BLANK"] },
  merge_commit_title: { enum: ["PR_TITLE", "MERGE_MESSAGE"] },
  squash_merge_commit_message: { enum: ["PR_BODY", "COMMIT_MESSAGES", "BLANK"] },
  squash_merge_commit_title: { enum: ["PR_TITLE", "COMMIT_OR_PR_TITLE"] },
  use_squash_pr_title_as_default: "boolean",
} as const;
export const REPOSITORY = {
  fields: {
    ...SHOWN,
    ...WRITTEN,
    allow_update_branch: "boolean",
    network_count: "number",
    subscribers_count: "number",
    security_and_analysis: {
      fields: {
        advanced_security: ON_OR_OFF,
        code_security: ON_OR_OFF,
        dependabot_security_updates: ON_OR_OFF,
        secret_scanning: ON_OR_OFF,
        secret_scanning_ai_detection: ON_OR_OFF,
        secret_scanning_non_provider_patterns: ON_OR_OFF,
        secret_scanning_push_protection: ON_OR_OFF,
      },
    },
  },
} as const;
export const FOUND = { fields: { ...SHOWN, score: "number" } } as const;

const CHANGES = {
  ...WRITTEN,
  ...texts("name", "description", "homepage"),
  visibility: { enum: ["public", "private"] },
  ...flags(
    "private",
    "has_issues",
    "has_projects",
    "has_wiki",
    "is_template",
    "allow_squash_merge",
    "allow_merge_commit",
  ),
  ...flags("allow_rebase_merge", "allow_auto_merge", "delete_branch_on_merge"),
} as const;
export const NEW_REPOSITORY = {
  fields: {
    ...CHANGES,
    ...flags("has_downloads", "auto_init"),
    ...texts("gitignore_template", "license_template"),
    team_id: "number",
  },
} as const;
export const REPOSITORY_CHANGES = {
  fields: {
    ...CHANGES,
    ...flags("archived", "allow_forking", "allow_update_branch", "web_commit_signoff_required"),
    default_branch: "string",
    security_and_analysis: {
      fields: {
        advanced_security: STATUS,
        code_security: STATUS,
        secret_scanning: STATUS,
        secret_scanning_ai_detection: STATUS,
        secret_scanning_non_provider_patterns: STATUS,
        secret_scanning_push_protection: STATUS,
      },
    },
  },
} as const;

export const SECRET = { fields: { name: "string", ...TIMES } } as const;
export const VARIABLE = { fields: { name: "string", value: "string", ...TIMES } } as const;
export const PUBLIC_KEY = { fields: { key_id: "string", key: "string" } } as const;
export const SEALED = { fields: { encrypted_value: "string", key_id: "string" } } as const;
export const PAIR = { fields: { name: "string", value: "string" } } as const;
export const NOTHING = { fields: {} } as const;
export const SECRETS = { fields: { total_count: "number", secrets: { list: SECRET } } } as const;
export const VARIABLES = { fields: { total_count: "number", variables: { list: VARIABLE } } } as const;

export const REF = {
  fields: {
    ...texts("ref", "node_id", "url"),
    object: { fields: { type: "string", sha: "string", url: "string" } },
  },
} as const;
export const AT = { fields: { sha: "string", url: "string" } } as const;
const PARENTS = { list: { fields: { sha: "string", ...URL_FIELDS } } } as const;
export const WRITER = { fields: { name: "string", email: "string", date: "string" } } as const;
const VERIFICATION = {
  fields: { verified: "boolean", reason: "string", signature: "string", payload: "string", verified_at: "string" },
} as const;
export const COMMIT = {
  fields: {
    sha: "string",
    node_id: "string",
    ...URL_FIELDS,
    author: WRITER,
    committer: WRITER,
    message: "string",
    tree: AT,
    parents: PARENTS,
    verification: VERIFICATION,
  },
} as const;
export const LISTED_COMMIT = {
  fields: {
    sha: "string",
    node_id: "string",
    ...URL_FIELDS,
    comments_url: "string",
    commit: {
      fields: {
        url: "string",
        author: WRITER,
        committer: WRITER,
        message: "string",
        comment_count: "number",
        tree: AT,
        verification: VERIFICATION,
      },
    },
    author: "any",
    committer: "any",
    parents: PARENTS,
  },
} as const;
export const TREE = {
  fields: {
    sha: "string",
    url: "string",
    truncated: "boolean",
    tree: { list: { fields: { path: "string", mode: "string", type: "string", sha: "string", url: "string" } } },
  },
} as const;
export const BLOB = {
  fields: { sha: "string", node_id: "string", url: "string", size: "number", encoding: "string", content: "string" },
} as const;

export const BRANCHES = { fields: { protected_branches: "boolean", custom_branch_policies: "boolean" } } as const;
export const ENVIRONMENT = {
  fields: {
    id: "number",
    node_id: "string",
    name: "string",
    ...URL_FIELDS,
    ...TIMES,
    protection_rules: {
      list: {
        fields: {
          id: "number",
          node_id: "string",
          type: "string",
          wait_timer: "number",
          prevent_self_review: "boolean",
          reviewers: { list: { fields: { type: { enum: ["User", "Team"] }, reviewer: "any" } } },
        },
      },
    },
    deployment_branch_policy: BRANCHES,
  },
} as const;
export const BRANCH_POLICY = {
  fields: { id: "number", node_id: "string", name: "string", type: { enum: ["branch", "tag"] } },
} as const;

const ENFORCEMENT = { enum: ["disabled", "active", "evaluate"] } as const;
export const RULESET = {
  fields: {
    id: "number",
    node_id: "string",
    name: "string",
    target: { enum: ["branch", "tag", "push", "repository"] },
    source_type: { enum: ["Repository", "Organization", "Enterprise"] },
    source: "string",
    enforcement: ENFORCEMENT,
    bypass_actors: { list: "any" },
    current_user_can_bypass: { enum: ["always", "pull_requests_only", "never", "exempt"] },
    conditions: "any",
    rules: { list: "any" },
    ...TIMES,
    _links: { fields: { self: { fields: { href: "string" } } } },
  },
} as const;
export const NEW_RULESET = {
  fields: {
    name: "string",
    target: { enum: ["branch", "tag", "push"] },
    enforcement: ENFORCEMENT,
    bypass_actors: { list: "any" },
    conditions: "any",
    rules: { list: "any" },
  },
} as const;
export const WORKFLOW_TOKEN = {
  fields: { default_workflow_permissions: { enum: ["read", "write"] }, can_approve_pull_request_reviews: "boolean" },
} as const;

const ASSOCIATION = {
  enum: [
    "COLLABORATOR",
    "CONTRIBUTOR",
    "FIRST_TIMER",
    "FIRST_TIME_CONTRIBUTOR",
    "MANNEQUIN",
    "MEMBER",
    "NONE",
    "OWNER",
  ],
} as const;
export const ISSUE = {
  fields: {
    author_association: ASSOCIATION,
    ...URL_FIELDS,
    ...TIMES,
    ...texts("repository_url", "labels_url", "comments_url", "events_url"),
    id: "number",
    node_id: "string",
    number: "number",
    title: "string",
    user: USER,
    labels: { list: "any" },
    state: "string",
    state_reason: { enum: ["completed", "reopened", "not_planned", "duplicate"] },
    locked: "boolean",
    active_lock_reason: "string",
    assignee: USER,
    assignees: { list: USER },
    milestone: "any",
    comments: "number",
    ...texts("closed_at", "body"),
    pull_request: { fields: { ...URL_FIELDS, diff_url: "string", patch_url: "string" } },
  },
} as const;
export const COMMENT = {
  fields: {
    ...URL_FIELDS,
    ...TIMES,
    id: "number",
    ...texts("node_id", "issue_url", "body"),
    user: USER,
    author_association: ASSOCIATION,
  },
} as const;

export const RUN = {
  fields: {
    id: "number",
    ...texts("name", "node_id", "head_branch", "head_sha", "path", "display_title"),
    run_number: "number",
    run_attempt: "number",
    ...texts("event", "status", "conclusion"),
    workflow_id: "number",
    ...URL_FIELDS,
    ...TIMES,
    pull_requests: { list: "any" },
    ...texts("jobs_url", "logs_url", "check_suite_url", "artifacts_url", "cancel_url", "rerun_url", "workflow_url"),
    head_commit: "any",
    repository: MINIMAL_REPOSITORY,
    head_repository: MINIMAL_REPOSITORY,
  },
} as const;

export const WINDOW = { fields: { limit: "number", remaining: "number", reset: "number", used: "number" } } as const;

/** Accounts, repositories and runs as GitHub's API shows them, with every URL that a client may follow. No state. */
import type { Schema } from "./described.ts";
import type { GithubState, Repository } from "./state.ts";
import { isoSeconds } from "./wire.ts";

/** Names and values of one account, by where it is found. */
export function userView(api: string, login: string, id: number, type: "User" | "Organization"): Schema<"simple-user"> {
  const url = `${api}/users/${login}`;
  return {
    login,
    id,
    node_id: `${type === "User" ? "U" : "O"}_${id}`,
    avatar_url: `https://avatars.githubusercontent.com/u/${id}`,
    gravatar_id: "",
    url,
    html_url: `https://github.com/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type,
    site_admin: false,
  };
}

/** The organisation that owns every repository. */
export const ownerView = (api: string, state: GithubState): Schema<"simple-user"> =>
  userView(api, state.owner, 1, "Organization");

const COUNTS = { public_repos: 0, public_gists: 0, followers: 0, following: 0 } as const;
const BORN = "2026-01-01T00:00:00Z";

/** An account as it is shown by its own URL. */
export const profileView = (user: Schema<"simple-user">): Schema<"public-user"> => ({
  ...user,
  name: user.login,
  company: null,
  blog: "",
  location: null,
  email: null,
  hireable: null,
  bio: null,
  ...COUNTS,
  created_at: BORN,
  updated_at: BORN,
});

/** `GET /orgs/{org}`. */
export function organizationView(api: string, state: GithubState): Schema<"organization-full"> {
  const url = `${api}/orgs/${state.owner}`;
  return {
    login: state.owner,
    id: 1,
    node_id: "O_1",
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: "https://avatars.githubusercontent.com/u/1",
    description: null,
    has_organization_projects: true,
    has_repository_projects: true,
    ...COUNTS,
    html_url: `https://github.com/${state.owner}`,
    type: "Organization",
    plan: { name: "team", space: 976_562_499, private_repos: 9999 },
    created_at: BORN,
    updated_at: BORN,
    archived_at: null,
  };
}

/** Settings that a caller may write and is shown again. Others that it may send (`auto_init`, …) only say how to make a repository. */
const SETTINGS = [
  "allow_auto_merge",
  "allow_forking",
  "allow_merge_commit",
  "allow_rebase_merge",
  "allow_squash_merge",
  "allow_update_branch",
  "archived",
  "delete_branch_on_merge",
  "description",
  "has_discussions",
  "has_downloads",
  "has_issues",
  "has_projects",
  "has_pull_requests",
  "has_wiki",
  "homepage",
  "is_template",
  "merge_commit_message",
  "merge_commit_title",
  "security_and_analysis",
  "squash_merge_commit_message",
  "squash_merge_commit_title",
  "use_squash_pr_title_as_default",
  "web_commit_signoff_required",
] as const satisfies readonly (keyof Schema<"full-repository">)[];

type Written = Partial<Pick<Schema<"full-repository">, (typeof SETTINGS)[number]>>;
const writtenIn = (settings: Repository["settings"]): Written =>
  Object.fromEntries(SETTINGS.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]])));

/** What the API's URLs of a repository end with, by the field that has them. */
const urlsOf = (url: string) => ({
  archive_url: `${url}/{archive_format}{/ref}`,
  assignees_url: `${url}/assignees{/user}`,
  blobs_url: `${url}/git/blobs{/sha}`,
  branches_url: `${url}/branches{/branch}`,
  collaborators_url: `${url}/collaborators{/collaborator}`,
  comments_url: `${url}/comments{/number}`,
  commits_url: `${url}/commits{/sha}`,
  compare_url: `${url}/compare/{base}...{head}`,
  contents_url: `${url}/contents/{+path}`,
  contributors_url: `${url}/contributors`,
  deployments_url: `${url}/deployments`,
  downloads_url: `${url}/downloads`,
  events_url: `${url}/events`,
  forks_url: `${url}/forks`,
  git_commits_url: `${url}/git/commits{/sha}`,
  git_refs_url: `${url}/git/refs{/sha}`,
  git_tags_url: `${url}/git/tags{/sha}`,
  hooks_url: `${url}/hooks`,
  issue_comment_url: `${url}/issues/comments{/number}`,
  issue_events_url: `${url}/issues/events{/number}`,
  issues_url: `${url}/issues{/number}`,
  keys_url: `${url}/keys{/key_id}`,
  labels_url: `${url}/labels{/name}`,
  languages_url: `${url}/languages`,
  merges_url: `${url}/merges`,
  milestones_url: `${url}/milestones{/number}`,
  notifications_url: `${url}/notifications{?since,all,participating}`,
  pulls_url: `${url}/pulls{/number}`,
  releases_url: `${url}/releases{/id}`,
  stargazers_url: `${url}/stargazers`,
  statuses_url: `${url}/statuses/{sha}`,
  subscribers_url: `${url}/subscribers`,
  subscription_url: `${url}/subscription`,
  tags_url: `${url}/tags`,
  teams_url: `${url}/teams`,
  trees_url: `${url}/git/trees{/sha}`,
});

/** A repository as other objects refer to it. */
const minimalView = (
  api: string,
  state: GithubState,
  { id, owner, name, settings }: Repository,
): Schema<"minimal-repository"> => ({
  id,
  node_id: `R_${id}`,
  name,
  full_name: `${owner}/${name}`,
  owner: ownerView(api, state),
  private: visibilityOf(settings) !== "public",
  html_url: `https://github.com/${owner}/${name}`,
  description: typeof settings["description"] === "string" ? settings["description"] : null,
  fork: false,
  url: `${api}/repos/${owner}/${name}`,
  ...urlsOf(`${api}/repos/${owner}/${name}`),
});

function visibilityOf(settings: Repository["settings"]): string {
  const { visibility } = settings;
  return typeof visibility === "string" ? visibility : settings["private"] === false ? "public" : "private";
}

/** A repository as `GET /repos/{o}/{r}` shows it: what was written, over GitHub's defaults. */
export function repositoryView(api: string, state: GithubState, repository: Repository): Schema<"full-repository"> {
  const { owner, name, settings } = repository;
  const made = isoSeconds(repository.createdAt);
  const html = `https://github.com/${owner}/${name}`;
  const openIssues = repository.issues.list("open").length;
  return {
    has_issues: true,
    has_projects: true,
    has_wiki: true,
    has_discussions: false,
    is_template: false,
    archived: false,
    homepage: null,
    allow_merge_commit: true,
    allow_squash_merge: true,
    allow_rebase_merge: true,
    allow_auto_merge: false,
    allow_update_branch: false,
    delete_branch_on_merge: false,
    web_commit_signoff_required: false,
    ...minimalView(api, state, repository),
    ...writtenIn(settings),
    visibility: visibilityOf(settings),
    has_pages: false,
    disabled: false,
    default_branch: "main",
    topics: [...repository.topics],
    pushed_at: made,
    created_at: made,
    updated_at: made,
    permissions: { admin: true, maintain: true, push: true, triage: true, pull: true },
    clone_url: `${html}.git`,
    ssh_url: `git@github.com:${owner}/${name}.git`,
    git_url: `git://github.com/${owner}/${name}.git`,
    svn_url: html,
    mirror_url: null,
    language: null,
    license: null,
    size: 0,
    forks: 0,
    forks_count: 0,
    network_count: 0,
    stargazers_count: 0,
    subscribers_count: 0,
    watchers: 0,
    watchers_count: 0,
    open_issues: openIssues,
    open_issues_count: openIssues,
  };
}

/** A workflow run: of the rotation, on the default branch. */
export function runView(
  api: string,
  state: GithubState,
  repository: Repository,
  id: number,
  run: { readonly status: string; readonly conclusion: string | null },
): Schema<"workflow-run"> {
  const base = `${api}/repos/${repository.owner}/${repository.name}`;
  const url = `${base}/actions/runs/${id}`;
  const made = isoSeconds(repository.createdAt);
  const minimal = minimalView(api, state, repository);
  return {
    id,
    name: "rotate",
    node_id: `WFR_${id}`,
    head_branch: "main",
    head_sha: repository.git.refs.get("refs/heads/main") ?? "",
    path: ".github/workflows/rotate.yml",
    display_title: "rotate",
    run_number: 1,
    run_attempt: 1,
    event: "workflow_dispatch",
    ...run,
    workflow_id: 1,
    url,
    html_url: `https://github.com/${repository.owner}/${repository.name}/actions/runs/${id}`,
    pull_requests: [],
    created_at: made,
    updated_at: made,
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${base}/check-suites/1`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    workflow_url: `${base}/actions/workflows/1`,
    head_commit: null,
    repository: minimal,
    head_repository: minimal,
  };
}

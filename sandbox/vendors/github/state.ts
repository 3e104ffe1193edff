/** What the imitated account holds: one owner, its repositories, their environments, variables, secrets, git objects, issues and runs. */
import { GitStore } from "./git.ts";
import { IssueTracker } from "./issues.ts";
import { Vault } from "./vault.ts";

export interface Environment {
  readonly id: number;
  readonly name: string;
  readonly vault: Vault;
  readonly createdAt: number;
  /** Minutes. */
  waitTimer: number;
  preventSelfReview: boolean;
  canAdminsBypass: boolean;
  reviewers: readonly { readonly type: "User" | "Team"; readonly id: number }[];
  branchPolicy: { readonly protected_branches: boolean; readonly custom_branch_policies: boolean } | null;
  readonly branchPolicies: Map<number, { readonly id: number; readonly name: string; readonly type: "branch" | "tag" }>;
}

export interface Repository {
  readonly id: number;
  readonly owner: string;
  name: string;
  readonly createdAt: number;
  readonly vault: Vault;
  readonly git: GitStore;
  readonly issues: IssueTracker;
  readonly environments: Map<string, Environment>;
  /** Workflow runs by id: proof that a lock holder lives or is dead. */
  readonly runs: Map<number, { readonly status: string; readonly conclusion: string | null }>;
  /** Settings as the caller wrote them, shown back by `GET /repos/{o}/{r}`. */
  settings: Readonly<Record<string, unknown>>;
  topics: readonly string[];
  vulnerabilityAlerts: boolean;
  securityFixes: boolean;
  readonly rulesets: Map<number, Readonly<Record<string, unknown>>>;
  /** What the token of a workflow may do unless it asks for less. */
  workflowPermissions: {
    readonly default_workflow_permissions: "read" | "write";
    readonly can_approve_pull_request_reviews: boolean;
  };
}

/** The account. */
export class GithubState {
  readonly owner: string;
  readonly repositories = new Map<string, Repository>();
  readonly #lagMs: () => number;
  /** Repositories by names that they had. */
  readonly #renamed = new Map<string, Repository>();
  #nextId = 1000;

  constructor(owner: string, lagMs: () => number) {
    this.owner = owner;
    this.#lagMs = lagMs;
  }

  nextId(): number {
    return ++this.#nextId;
  }

  /** @returns null for a repository that this account's token cannot see; names compare without case, as on GitHub. */
  find(owner: string, name: string): Repository | null {
    return owner.toLowerCase() === this.owner.toLowerCase()
      ? (this.repositories.get(name.toLowerCase()) ?? null)
      : null;
  }

  findById(id: number): Repository | null {
    return [...this.repositories.values()].find((repository) => repository.id === id) ?? null;
  }

  /** A repository with one commit on `main`: the git-data API refuses an empty one. */
  create(name: string, settings: Readonly<Record<string, unknown>> = {}): Repository {
    const now = Date.now();
    const repository: Repository = {
      id: this.nextId(),
      owner: this.owner,
      name,
      createdAt: now,
      vault: new Vault(this.#lagMs),
      git: new GitStore(),
      issues: new IssueTracker(() => this.nextId()),
      environments: new Map(),
      runs: new Map(),
      settings,
      topics: [],
      vulnerabilityAlerts: false,
      securityFixes: false,
      rulesets: new Map(),
      workflowPermissions: { default_workflow_permissions: "read", can_approve_pull_request_reviews: false },
    };
    const readme = repository.git.writeBlob(Buffer.from(`# ${name}\n`));
    const tree = repository.git.writeTree([{ path: "README.md", mode: "100644", type: "blob", sha: readme }]);
    const author = {
      name: this.owner,
      email: `${this.owner}@users.noreply.github.com`,
      date: new Date(now).toISOString(),
    };
    const commit =
      tree && repository.git.writeCommit({ tree, parents: [], message: "Initial commit", author, committer: author });
    if (commit) repository.git.createRef("refs/heads/main", commit.sha);
    this.repositories.set(name.toLowerCase(), repository);
    return repository;
  }

  /** @returns the repository that had this name, unless another one has taken it or it is gone. */
  findRenamed(owner: string, name: string): Repository | null {
    const repository = this.find(owner, name) ? undefined : this.#renamed.get(name.toLowerCase());
    return repository && this.find(owner, repository.name) === repository ? repository : null;
  }

  rename(repository: Repository, name: string): void {
    this.repositories.delete(repository.name.toLowerCase());
    this.#renamed.set(repository.name.toLowerCase(), repository);
    repository.name = name;
    this.repositories.set(name.toLowerCase(), repository);
  }

  /** The environment, made when it is absent (`PUT environments/{name}` does both). */
  ensureEnvironment(repository: Repository, name: string): Environment {
    const known = repository.environments.get(name.toLowerCase());
    if (known) return known;
    const environment: Environment = {
      id: this.nextId(),
      name,
      vault: new Vault(this.#lagMs),
      createdAt: Date.now(),
      waitTimer: 0,
      preventSelfReview: false,
      canAdminsBypass: true,
      reviewers: [],
      branchPolicy: null,
      branchPolicies: new Map(),
    };
    repository.environments.set(name.toLowerCase(), environment);
    return environment;
  }
}

/** Issues of one repository: what the module `github` reads and writes. No HTTP; views are in issue-routes.ts. */

export interface Comment {
  readonly id: number;
  readonly author: string;
  readonly body: string;
  readonly createdAt: number;
}

export interface Issue {
  readonly id: number;
  readonly number: number;
  readonly author: string;
  readonly title: string;
  readonly body: string | null;
  readonly labels: readonly string[];
  readonly pullRequest: boolean;
  readonly comments: Comment[];
  readonly createdAt: number;
  updatedAt: number;
  state: "open" | "closed";
  locked: boolean;
  /** Taken away by an owner: it answers 410 from then on. */
  deleted: boolean;
}

/** What opens an issue. */
export interface NewIssue {
  readonly title: string;
  readonly author: string;
  readonly body?: string | null;
  readonly labels?: readonly string[];
  readonly pullRequest?: boolean;
}

/** The issues and pull requests of a repository share one sequence of numbers. */
export class IssueTracker {
  readonly #nextId: () => number;
  readonly #issues: Issue[] = [];

  /** @param nextId ids that no other object of the account has. */
  constructor(nextId: () => number) {
    this.#nextId = nextId;
  }

  open({ title, author, body = null, labels = [], pullRequest = false }: NewIssue): Issue {
    const now = Date.now();
    const issue: Issue = {
      id: this.#nextId(),
      number: this.#issues.length + 1,
      author,
      title,
      body,
      labels,
      pullRequest,
      comments: [],
      createdAt: now,
      updatedAt: now,
      state: "open",
      locked: false,
      deleted: false,
    };
    this.#issues.push(issue);
    return issue;
  }

  find(number: number): Issue | null {
    return this.#issues[number - 1] ?? null;
  }

  comment(issue: Issue, author: string, body: string): Comment {
    const comment: Comment = { id: this.#nextId(), author, body, createdAt: Date.now() };
    issue.comments.push(comment);
    issue.updatedAt = comment.createdAt;
    return comment;
  }

  /** Newest first, as the list is sorted unless the caller says otherwise. */
  list(state: "open" | "closed" | "all"): readonly Issue[] {
    return this.#issues.filter((issue) => !issue.deleted && (state === "all" || issue.state === state)).toReversed();
  }
}

/** The git objects of one repository in memory, and runs that use the ref there as lock and journal. */
import { createHash } from "node:crypto";
import { McpistError } from "../errors.ts";
import type { Holder, Processes } from "../secrets/holder.ts";
import { Journal } from "../secrets/journal.ts";
import type { GitStore } from "../targets/types.ts";
import { testContext, type TestContext } from "./test-context.ts";

/** What happens to the next update of the ref. */
type GitFault = "lost before" | "lost after" | null;

/** The git objects of one repository, with compare-and-set on the one ref. */
export class MemoryGit {
  ref: string | null = null;
  fault: GitFault = null;
  clock = Date.parse("2026-11-22T12:00:00Z");
  readonly commits = new Map<string, { message: string; parents: readonly string[]; date: string }>();
  readonly runs: Record<string, "over" | "alive" | "unknown"> = {};

  store(): GitStore {
    const update = (sha: string, allowed: boolean): Promise<boolean> => {
      const { fault } = this;
      this.fault = null;
      if (fault === "lost before") return Promise.reject(new McpistError("ERR_UNREACHABLE", "the call was lost"));
      if (allowed) this.ref = sha;
      if (fault === "lost after") return Promise.reject(new McpistError("ERR_UNREACHABLE", "the reply was lost"));
      return Promise.resolve(allowed);
    };
    return {
      serverTime: () => this.clock,
      readRef: () => Promise.resolve(this.ref === null ? null : { sha: this.ref }),
      createRef: (sha) => update(sha, this.ref === null),
      updateRef: (sha) => update(sha, this.commits.get(sha)?.parents[0] === this.ref),
      createCommit: (message, parents) => {
        this.clock += 1000;
        const date = new Date(this.clock).toISOString();
        const sha = createHash("sha1")
          .update(message + parents.join())
          .digest("hex");
        this.commits.set(sha, { message, parents, date });
        return Promise.resolve({ sha, date });
      },
      readCommit: (sha) => {
        const commit = this.commits.get(sha);
        return commit ? Promise.resolve(commit) : Promise.reject(new McpistError("ERR_NOT_FOUND", "no such commit"));
      },
      workflowRun: (id) => Promise.resolve(this.runs[id] ?? "unknown"),
    };
  }
  /** Events from the first on. */
  events(): readonly string[] {
    const found: string[] = [];
    for (let sha = this.ref; sha; sha = this.commits.get(sha)?.parents[0] ?? null)
      found.unshift((this.commits.get(sha)?.message ?? "").split("\n")[0]?.replace("mcpist: ", "") ?? "");
    return found;
  }
}

export interface Party {
  readonly journal: Journal;
  readonly context: TestContext;
}
export function party(
  git: MemoryGit,
  run: string,
  options: {
    workflow?: string;
    attempt?: number;
    onSleep?: (ms: number) => void;
    signal?: AbortSignal;
    holder?: Holder;
    processes?: Processes;
  } = {},
): Party {
  const { workflow = "local", attempt, holder, processes, ...rest } = options;
  const context = { ...testContext(rest), ...(processes ? { processes } : {}) };
  return {
    context,
    journal: new Journal(git.store(), context, {
      run,
      actor: `actor-${run}`,
      workflow,
      ...(attempt === undefined ? {} : { attempt }),
      ...(holder ? { holder } : {}),
      tool: "1.0.0",
    }),
  };
}
/** A reading of the tip counts for five seconds; after this wait it is read anew. */
export const readAnew = ({ context }: Party): Promise<void> => context.sleep(5001);

export const failure = async (work: Promise<unknown>): Promise<McpistError> => {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof McpistError) return error;
  throw new TypeError("it did not fail with an error of ours");
};

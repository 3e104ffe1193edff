/**
 * What a workflow of this repository must and must not do, as far as a file can show it. Each rule is a pure function over one
 * workflow and returns the places that break it; test/security/known-bad/workflows/ holds one workflow per rule that breaks it.
 */
import { isRecord } from "../../contract/json.ts";
import { expressionsIn, type Job, type Step, textsIn, type Workflow, without } from "./workflow.ts";

/** Unit: minutes. */
const LONGEST_JOB = 120;
const HOSTED_RUNNER = /^(ubuntu|macos|windows)-\d+(\.\d+)?(-arm)?$/;
const PINNED_ACTION = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/;
const PINNED_IMAGE = /@sha256:[0-9a-f]{64}$/;
const VERSION_COMMENT = /uses:\s*["']?[\w./-]+@[0-9a-f]{40}["']?\s+#\s*v?\d+(\.\d+){1,2}\s*$/;
/** The token that every job has anyway. */
const FOREIGN_SECRET = /\bsecrets\s*\.\s*(?!GITHUB_TOKEN\b)\w|\bsecrets\s*\[/;
const WHOLE_SECRETS = /\btojson\s*\(\s*secrets\b|\bsecrets\s*\[|\bsecrets\s*\)/i;
const ROTATION_COMMAND = /\bsecrets\s+("\$@"|rotate\b|restore\b|rollback\b)/;
/** The tool, by any of its names. */
const TOOL = /\bmcpist\b(?!\.config)|\bcli\/main\.[jt]s\b|\bnpm\s+(run|exec)\b[^#\n]*\bdemo\b/;
/** In place of the shell, with nothing before or after it that would get its signals. */
const TOOL_ALONE = /^\s*(run:\s*)?exec (node cli\/main\.ts|node_modules\/\.bin\/mcpist)\b[^|;&`]*$/;
/** Everything but `mcpist` that could write a slot. */
const SLOT_WRITER = /\bwrangler\b[^\n]*\bsecret\b|\bfly(ctl)?\s+secrets?\b|\bkoyeb\s+secrets?\b|\bgh\s+secret\b/;
const SLOT_NAME = /\bGATEWAY_SECRET(_[AB])?\b/;

/** What makes a step green whatever happened in it. */
const FORGIVES = /\|\|\s*(true|:|exit\s+0|echo\b[^;&|{}]*$)|\bset\s+\+e\b|;\s*(true|exit\s+0)\s*$/m;

/** Places in one workflow that break the rule. */
type Find = (workflow: Workflow) => readonly string[];

const perJob =
  (find: (job: Job, workflow: Workflow) => boolean): Find =>
  (workflow) =>
    workflow.jobs.filter((job) => find(job, workflow)).map(({ name }) => name);
const perStep =
  (find: (step: Step, job: Job) => boolean): Find =>
  ({ jobs }) =>
    jobs.flatMap((job) => job.steps.filter((step) => find(step, job)).map(({ place }) => place));

const usesAction = (step: Step, name: string): boolean => step.uses?.startsWith(`${name}@`) === true;
const readsSecrets = (job: Job): boolean =>
  expressionsIn(job.node, FOREIGN_SECRET).length > 0 || job.node["secrets"] !== undefined;
/** A job that can change something outside: by a secret, by an environment or by a write token. */
const isPrivileged = (job: Job): boolean =>
  readsSecrets(job) ||
  job.node["environment"] !== undefined ||
  Object.values(permissionsOf(job) ?? {}).includes("write");
const permissionsOf = (job: Job): Readonly<Record<string, unknown>> | null =>
  isRecord(job.node["permissions"]) ? job.node["permissions"] : null;
const imagesOf = (job: Job): readonly string[] => {
  const image = (value: unknown): string[] =>
    typeof value === "string" ? [value] : isRecord(value) && typeof value["image"] === "string" ? [value["image"]] : [];
  const services = job.node["services"];
  return [...image(job.node["container"]), ...(isRecord(services) ? Object.values(services).flatMap(image) : [])];
};

/** Every rule by name, in the order in which a reader meets them. */
export const RULES: Readonly<Record<string, Find>> = {
  /** A tag can be moved to other code; a commit cannot. */
  "action-pinned-by-commit": ({ jobs }) => [
    ...jobs.flatMap(({ steps }) =>
      steps
        .filter(
          ({ uses }) =>
            uses !== null &&
            !uses.startsWith("./") &&
            !(uses.startsWith("docker://") ? PINNED_IMAGE : PINNED_ACTION).test(uses),
        )
        .map(({ place }) => place),
    ),
    ...jobs
      .filter(
        ({ node }) =>
          typeof node["uses"] === "string" && !node["uses"].startsWith("./") && !PINNED_ACTION.test(node["uses"]),
      )
      .map(({ name }) => name),
  ],
  /** Without it nobody can tell what a commit is, and Dependabot cannot update it. */
  "pin-names-its-version": ({ text }) =>
    text
      .split("\n")
      .map((line, index) => [line, `line ${index + 1}`] as const)
      .filter(([line]) => /uses:\s*["']?[\w./-]+@[0-9a-f]{40}/.test(line) && !VERSION_COMMENT.test(line))
      .map(([, place]) => place),
  "image-pinned-by-digest": perJob((job) => imagesOf(job).some((image) => !PINNED_IMAGE.test(image))),
  /** The default token may be able to write; nothing is granted that a job does not ask for. */
  "no-permissions-on-top": ({ node }) =>
    isRecord(node["permissions"]) && Object.keys(node["permissions"]).length === 0 ? [] : ["permissions"],
  "permissions-per-job": perJob((job) => permissionsOf(job) === null),
  /** A write token beside code of a pull request or a scanner was the breach of others. */
  "write-token-only-in-an-environment": perJob(
    (job) =>
      Object.values(permissionsOf(job) ?? {}).some((access) => access !== "read" && access !== "none") &&
      job.node["environment"] === undefined,
  ),
  "job-ends-in-time": perJob(
    ({ node }) =>
      typeof node["uses"] !== "string" &&
      !(Number(node["timeout-minutes"]) > 0 && Number(node["timeout-minutes"]) <= LONGEST_JOB),
  ),
  /** A shell of one's own lacks `-e`. */
  "a-failure-is-a-failure": (workflow) => [
    ...workflow.jobs.flatMap(({ name, node }) => (node["continue-on-error"] === undefined ? [] : [name])),
    ...perStep(
      ({ node, run }) =>
        node["continue-on-error"] !== undefined || node["shell"] !== undefined || FORGIVES.test(run ?? ""),
    )(workflow),
  ],
  "concurrency-is-decided": ({ node }) =>
    isRecord(node["concurrency"]) && typeof node["concurrency"]["group"] === "string" ? [] : ["concurrency"],
  "checkout-keeps-no-token": perStep(
    (step) => usesAction(step, "actions/checkout") && step.with["persist-credentials"] !== false,
  ),
  /** Text of a stranger would become part of the script. */
  "no-expression-in-a-script": perStep(({ run, with: input }) =>
    [run, input["script"]].some((text) => typeof text === "string" && text.includes("${{")),
  ),
  /** These run with secrets on what a stranger sent. */
  "no-privileged-trigger": ({ events }) =>
    events.filter((event) => ["pull_request_target", "workflow_run", "issue_comment"].includes(event)),
  "runs-on-a-hosted-runner": perJob(
    ({ node }) =>
      typeof node["uses"] !== "string" && !(typeof node["runs-on"] === "string" && HOSTED_RUNNER.test(node["runs-on"])),
  ),
  /** An environment gives its secrets to chosen branches, after a pause, when the job starts and not when it is queued. */
  "secrets-need-an-environment": perJob((job) => readsSecrets(job) && job.node["environment"] === undefined),
  "no-secret-on-a-pull-request": perJob(
    (job, { events }) =>
      events.includes("pull_request") && (readsSecrets(job) || job.node["environment"] !== undefined),
  ),
  /** An install script would see what a job-wide variable holds. */
  "secrets-reach-one-step": (workflow) => [
    ...expressionsIn({ env: workflow.node["env"], defaults: workflow.node["defaults"] }, FOREIGN_SECRET),
    ...workflow.jobs.flatMap(({ name, node }) =>
      expressionsIn(without(node, "steps"), FOREIGN_SECRET).map((path) => `${name}: ${path}`),
    ),
    ...perStep(({ node }) => expressionsIn(without(node, "env"), FOREIGN_SECRET).length > 0)(workflow),
  ],
  /** Masking in logs knows exact values only. */
  "no-secrets-as-a-whole": (workflow) => [
    ...expressionsIn(workflow.node, WHOLE_SECRETS),
    ...workflow.jobs.filter(({ node }) => node["secrets"] === "inherit").map(({ name }) => name),
  ],
  /** Whoever fills a cache from a pull request would choose the code of a deploy. */
  "privileged-jobs-use-no-cache": perJob(
    (job) =>
      isPrivileged(job) &&
      job.steps.some(
        (step) =>
          step.uses?.startsWith("actions/cache") === true ||
          (step.with["cache"] !== undefined && step.with["cache"] !== false) ||
          (usesAction(step, "actions/setup-node") && step.with["package-manager-cache"] !== false),
      ),
  ),
  /** Only `npm ci` installs exactly what the lockfile names. */
  "installs-from-the-lockfile": perStep(({ run }) =>
    /\bnpm\s+(i|install|add|update)\b|\bnpx\s+(?!--no-install\b)/.test(run ?? ""),
  ),
  /** First barrier against a second writer of slots. */
  "rotation-runs-alone": perJob((job, { node }) => {
    if (!job.steps.some(({ run }) => ROTATION_COMMAND.test(run ?? ""))) return false;
    const { group, "cancel-in-progress": cancel, queue } = isRecord(node["concurrency"]) ? node["concurrency"] : {};
    return !(typeof group === "string" && group.startsWith("mcpist-rotation-") && cancel === false && queue === "max");
  }),
  /** A cancelled job signals the process of the step and kills it ten seconds later: a shell would keep that from the tool. */
  "the-tool-is-the-step": perStep(({ run }) =>
    (run ?? "")
      .split("\n")
      .map((line) => line.replace(/(^|\s)#.*$/, ""))
      .some((line) => TOOL.test(line) && !TOOL_ALONE.test(line)),
  ),
  /** `mcpist secrets` is the only writer; a queued job would write yesterday's value back. */
  "no-foreign-slot-writer": perStep(({ run }) => SLOT_WRITER.test(run ?? "")),
  /** Slots are read by `restore`, and the lone old secret once by `adopt`; a deploy never sees one. */
  "slots-only-where-they-are-restored": perStep(
    (step) => textsIn(step.node).some(([, text]) => SLOT_NAME.test(text)) && !ROTATION_COMMAND.test(step.run ?? ""),
  ),
};

/** One broken rule and where. */
export interface Finding {
  readonly rule: string;
  readonly place: string;
}

/** Holds one workflow against every rule. */
export const judge = (workflow: Workflow): readonly Finding[] =>
  Object.entries(RULES).flatMap(([rule, find]) => find(workflow).map((place) => ({ rule, place })));

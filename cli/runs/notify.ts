/**
 * Tells people how a run ended: a webhook (its URL is in the variable that `notifyWebhookVariable` names) and the job summary of
 * GitHub Actions. Kids, phases and times, never a value. What goes wrong here is noted on stderr and changes no outcome.
 */
import { appendFile } from "node:fs/promises";
import { isSafeUrl } from "../../contract/safe-url.ts";
import type { Context } from "../context.ts";
import type { NamedEnvironment } from "../../contract/config.ts";
import { printable } from "../redact.ts";

/** Unit: milliseconds. */
const TIMEOUT_MS = 10_000;
const RETRY_MS = 2000;

/** How a run ended, or that one is due. */
export interface Notice {
  readonly outcome: "done" | "failed" | "overdue";
  /** As it is typed, e.g. "secrets rotate". */
  readonly command: string;
  readonly exitCode: number;
  readonly runId?: string;
  readonly phase?: string;
  /** Kids; null = none. */
  readonly from?: string | null;
  readonly to?: string | null;
  readonly ageDays?: number | null;
  /** Unit: milliseconds. */
  readonly durationMs?: number;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | null };
  /** One line per origin, in words. */
  readonly origins?: readonly { readonly name: string; readonly text: string }[];
}

/** One sentence for a chat. */
function sentence(environment: string, notice: Notice): string {
  const { outcome, command, from, to, durationMs, ageDays, error } = notice;
  const kids = to ? (from ? `, ${from} -> ${to}` : `, ${to}`) : "";
  const time = durationMs === undefined ? "" : ` in ${(durationMs / 1000).toFixed(1)} s`;
  switch (outcome) {
    case "done":
      return `mcpist ${environment}: ${command} is done${kids}${time}`;
    case "failed":
      return `mcpist ${environment}: ${command} failed (exit ${notice.exitCode})${error ? `: ${error.message} (${error.code})` : ""}`;
    case "overdue":
      return `mcpist ${environment}: the gateway secret is ${ageDays ?? "too many"} days old; rotate it with mcpist secrets rotate --env ${environment}`;
  }
}

/** Where the run can be read, in GitHub Actions. */
function workflowUrl({ env }: Context): string | null {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  return server && repository && run ? `${server}/${repository}/actions/runs/${run}` : null;
}

/** Text of a platform as Markdown that stays inside its cell. */
const cell = (text: string): string =>
  printable(text)
    .replace(/[\n\t]+/g, " ")
    .replace(/[|<>`\\[\]*_#]/g, (character) => `\\${character}`);

/** The job summary. */
export function summaryOf(environment: string, notice: Notice): string {
  const { outcome, command, exitCode, runId, phase, from, to, ageDays, durationMs, error, origins = [] } = notice;
  const rows: readonly (readonly [string, string | null | undefined])[] = [
    ["exit code", String(exitCode)],
    ["phase", phase],
    ["old secret", from],
    ["new secret", to],
    ["age", ageDays === undefined || ageDays === null ? null : `${ageDays} days`],
    ["took", durationMs === undefined ? null : `${(durationMs / 1000).toFixed(1)} s`],
    ["run", runId],
    ...origins.map(({ name, text }) => [name, text] as const),
    ["error", error ? `${error.message} (${error.code})` : null],
    ["next", error?.hint],
  ];
  const lines = rows.flatMap(([name, value]) => (value ? [`| ${cell(name)} | ${cell(value)} |`] : []));
  return `### mcpist ${cell(command)}: ${outcome} (${cell(environment)})\n\n| | |\n|---|---|\n${lines.join("\n")}\n\n`;
}

async function post(context: Context, url: string, body: string): Promise<string | null> {
  const reply = await context
    .fetch(url, {
      method: "POST",
      redirect: "error",
      headers: { "content-type": "application/json", "user-agent": "mcpist" },
      body,
      // Not the run's own signal: that a run was interrupted is worth telling.
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    .catch((error: unknown) => (error instanceof Error ? error.name : "error"));
  if (typeof reply === "string") return `it did not answer (${reply})`;
  await reply.body?.cancel();
  return reply.ok ? null : `it answered ${reply.status}`;
}

/** Sends to the webhook. @returns what went wrong, without the URL; null when it was delivered or none is wanted. */
async function callWebhook(
  context: Context,
  { name, environment }: NamedEnvironment,
  notice: Notice,
): Promise<string | null> {
  const variable = environment.notifyWebhookVariable;
  if (variable === undefined) return null;
  const url = context.env[variable];
  if (url === undefined || url === "") return `${variable} is not set`;
  context.redactor.register(url);
  if (!isSafeUrl(url)) return `${variable} is neither an https URL nor on loopback`;
  const { outcome, command, exitCode, error = null, ...rest } = notice;
  const text = sentence(name, notice);
  const payload = {
    text,
    source: "mcpist",
    outcome,
    environment: name,
    command,
    exitCode,
    ...rest,
    error,
    workflowUrl: workflowUrl(context),
    at: context.now().toISOString(),
  };
  const body = context.redactor.apply(JSON.stringify(payload));
  const first = await post(context, url, body);
  if (first === null || context.signal.aborted) return first;
  await context.sleep(RETRY_MS).catch(() => undefined);
  return post(context, url, body);
}

async function writeSummary(context: Context, name: string, notice: Notice): Promise<string | null> {
  const file = context.env["GITHUB_STEP_SUMMARY"];
  if (file === undefined || file === "") return null;
  return appendFile(file, context.redactor.apply(summaryOf(name, notice))).then(
    () => null,
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? "error",
  );
}

/** Tells everybody who wants to know. Never throws. */
export async function notify(context: Context, environment: NamedEnvironment, notice: Notice): Promise<void> {
  const note = (text: string) => context.stderr.write(`note  ${context.redactor.apply(printable(text))}\n`);
  try {
    const [webhook, summary] = await Promise.all([
      callWebhook(context, environment, notice),
      writeSummary(context, environment.name, notice),
    ]);
    if (webhook !== null) note(`the notification was not delivered: ${webhook}`);
    if (summary !== null) note(`the job summary was not written (${summary})`);
  } catch (error) {
    note(`the notification was not delivered (${error instanceof Error ? error.name : "error"})`);
  }
}

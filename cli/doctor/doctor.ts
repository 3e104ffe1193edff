/**
 * `mcpist doctor`: looks at this machine, every token, every name and every address, and says what is missing or too broad, with
 * the next step. Changes nothing. A write is only ever asked for with an empty body, which no platform can carry out.
 */
import type { Environment, Origin } from "../../contract/config.ts";
import type { TargetKind } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import type { Api } from "../http.ts";
import type { CommonFlags } from "../flags.ts";
import { loadEnvironment } from "../load-config.ts";
import { hintText, printJson, styles, table } from "../output.ts";
import { baseUrlOf } from "../session.ts";
import { cloudflareApi, cloudflareWorker } from "../targets/cloudflare.ts";
import { flyApi } from "../targets/fly.ts";
import { githubApi } from "../targets/github.ts";
import { koyebApi } from "../targets/koyeb.ts";
import { tokenOf } from "../tokens.ts";
import type { Check, Outcome } from "./check.ts";
import { checkCloudflare } from "./cloudflare.ts";
import { checkDeploy } from "./deploy.ts";
import { checkFly } from "./fly.ts";
import { checkGithub } from "./github.ts";
import { checkKoyeb } from "./koyeb.ts";
import { checkLocal } from "./local.ts";
import { checkNetwork } from "./network.ts";
import { checkProject } from "./project.ts";
import { withEnd } from "./token-end.ts";
import { HINTS } from "../hints/hints.ts";
import type { Hint } from "../hints/hint.ts";

const COLOURS: Readonly<Record<Outcome, "green" | "red" | "yellow" | "dim">> = {
  ok: "green",
  missing: "red",
  "too broad": "yellow",
  "ends soon": "yellow",
  "not run": "dim",
};

interface Access {
  readonly baseUrl: string;
  readonly token: string;
}
type Given =
  | { readonly access: Access; readonly reason: null }
  | { readonly access: null; readonly reason: { detail: string; next: Hint } };

const NO_TOKEN: ReadonlySet<string> = new Set(["ERR_TOKEN_MISSING", "ERR_TOKEN_SHAPE"]);

/** Where a platform is and who asks; without a token, why. */
async function accessTo(context: Context, kind: TargetKind): Promise<Given> {
  try {
    return { access: { baseUrl: baseUrlOf(context, kind), token: await tokenOf(context, kind) }, reason: null };
  } catch (error) {
    if (!(error instanceof McpistError) || !NO_TOKEN.has(error.code)) throw error;
    return { access: null, reason: { detail: error.message, next: error.advice ?? HINTS.bug() } };
  }
}

/** Flags of the command. */
export interface DoctorFlags extends CommonFlags {
  readonly deploy?: boolean;
  /** Only whether each platform takes its token, and when that ends. */
  readonly tokens?: boolean;
}

/** The platforms of an environment, each as its token reaches it; null = there is no token. */
export async function platformsOf(
  context: Context,
  { origins }: Environment,
): Promise<readonly { readonly kind: TargetKind; readonly api: Api | null }[]> {
  const kinds = [...new Set<TargetKind>(["github", "cloudflare", ...origins.map((origin) => origin.kind)])];
  const connect = { github: githubApi, cloudflare: cloudflareApi, koyeb: koyebApi, fly: flyApi };
  return Promise.all(
    kinds.map(async (kind) => {
      const { access } = await accessTo(context, kind);
      return { kind, api: access && connect[kind](context, access) };
    }),
  );
}

/** All checks, in the order in which they are printed. */
export async function checkAll(
  context: Context,
  flags: DoctorFlags,
): Promise<{ readonly name: string; readonly checks: readonly Check[] }> {
  const { name, environment } = await loadEnvironment(context, flags.env, flags.config);
  const kinds = new Set(environment.origins.map((origin) => origin.kind));
  const none: Given = { access: null, reason: { detail: "", next: HINTS.nothing() } };
  const [github, cloudflare, koyeb, fly] = await Promise.all([
    accessTo(context, "github"),
    accessTo(context, "cloudflare"),
    kinds.has("koyeb") ? accessTo(context, "koyeb") : none,
    kinds.has("fly") ? accessTo(context, "fly") : none,
  ]);
  const cloudflareParts = cloudflare.access && cloudflareApi(context, cloudflare.access);
  const onGithub = github.access && githubApi(context, github.access);
  const parts = await Promise.all([
    checkLocal(context, process.versions.node),
    checkGithub(context, onGithub, environment, github.reason),
    checkCloudflare(
      context,
      cloudflare.access && cloudflareParts
        ? { api: cloudflareParts, worker: cloudflareWorker(context, cloudflareParts, environment, cloudflare.access) }
        : null,
      environment,
      cloudflare.reason,
    ),
    checkKoyeb(context, koyeb.access && koyebApi(context, koyeb.access), { name, environment }, koyeb.reason),
    checkFly(context, fly.access && flyApi(context, fly.access), environment, fly.reason),
    checkNetwork(context, environment),
    checkProject(context, flags, name),
    flags.deploy === true ? checkDeploy(context, { github: onGithub, cloudflare: cloudflareParts }, environment) : [],
  ]);
  const checks = parts.flat().map((check) => withEnd(check, environment.tokens, context.now()));
  return { name, checks: flags.tokens === true ? tokensOnly(checks) : beforeDeploy(checks, environment.origins) };
}

/** What is looked at every day: a token that may do too much is none that ends. */
export const tokensOnly = (checks: readonly Check[]): readonly Check[] =>
  checks
    .filter(({ what }) => what === "token")
    .map((check) => (check.outcome === "too broad" ? { ...check, outcome: "ok" } : check));

/** What was never deployed cannot answer: it is not to be quarantined, but to be deployed. */
function beforeDeploy(checks: readonly Check[], origins: readonly Origin[]): readonly Check[] {
  const undeployed = (name: string) =>
    checks.some(
      ({ outcome, what }) =>
        outcome === "missing" && [`app of ${name}`, `service of ${name}`, `Machines of ${name}`].includes(what),
    );
  return checks.map((check) => {
    const origin =
      check.area === "origin" && origins.find(({ name, state }) => name === check.what && state === "pool");
    if (!origin || check.outcome !== "missing" || !undeployed(origin.name)) return check;
    const advice = HINTS.makeService();
    return { ...check, advice, next: advice.text() };
  });
}

/** 4 when somebody may not do what is needed, 3 when anything else is not ok or not known, else 0. */
export function exitCodeOf(checks: readonly Check[]): ExitCode {
  if (checks.some((check) => check.outcome === "missing" && check.authorisation)) return EXIT.unauthorised;
  const isFine = (check: Check) => check.outcome === "ok" || (check.outcome === "not run" && check.area === "origin");
  return checks.every(isFine) ? EXIT.done : EXIT.refused;
}

/** The command. */
export async function runDoctor(context: Context, flags: DoctorFlags): Promise<ExitCode> {
  const { name, checks } = await checkAll(context, flags);
  const exitCode = exitCodeOf(checks);
  const rowsOf = checks.map((check) => ({
    area: check.area,
    what: check.what,
    outcome: check.outcome,
    detail: check.detail,
    next: check.advice && hintText(context, check.advice),
    authorisation: check.authorisation,
  }));
  if (flags.json) {
    printJson(context, { command: "doctor", environment: name, ok: exitCode === EXIT.done, exitCode, checks: rowsOf });
    return exitCode;
  }
  const style = styles(context, context.stdout);
  const rows = rowsOf.map(({ outcome, area, what, detail, next }) => {
    const text = next === null ? detail : `${detail}  ->  ${next}`;
    return [outcome, area, what, context.redactor.apply(text)];
  });
  const lines = table(rows).split("\n");
  // Coloured after the table is made, so that escapes do not count as width.
  for (const [i, line] of lines.entries()) {
    const outcome = checks[i]?.outcome ?? "ok";
    context.stdout.write(`${style(COLOURS[outcome], line.slice(0, outcome.length))}${line.slice(outcome.length)}\n`);
  }
  const bad = checks.filter((check) => check.outcome !== "ok").length;
  context.stdout.write(
    bad === 0 ? `\nall ${checks.length} checks are ok\n` : `\n${bad} of ${checks.length} checks are not ok\n`,
  );
  return exitCode;
}

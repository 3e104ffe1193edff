/**
 * `mcpist doctor`: looks at this machine, every token, every name and every address, and says what is missing or too broad, with
 * the next step. Changes nothing. A write is only ever asked for with an empty body, which no platform can carry out.
 */
import type { NamedEnvironment, Origin } from "../../contract/config.ts";
import type { TargetKind } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import type { Api } from "../http.ts";
import type { CommonFlags } from "../flags.ts";
import { loadEnvironment } from "../load-config.ts";
import { fitted, labelled, table, widthOf } from "../layout.ts";
import { hintText, printJson, styles } from "../output.ts";
import { baseUrlOf } from "../session.ts";
import { cloudflareApi, cloudflareWorker } from "../targets/cloudflare.ts";
import { flyApi } from "../targets/fly-api.ts";
import { githubApi } from "../targets/github.ts";
import { koyebApi } from "../targets/koyeb-api.ts";
import { tokenOf } from "../tokens.ts";
import type { Check, Outcome } from "./check.ts";
import { checkCloudflare, cloudflareToken } from "./cloudflare.ts";
import { checkDeploy } from "./deploy.ts";
import { checkFly, flyToken } from "./fly.ts";
import { checkGithub, githubToken } from "./github.ts";
import { checkKoyeb, koyebToken } from "./koyeb.ts";
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

/** A platform as its token reaches it. */
export interface Platform {
  readonly kind: TargetKind;
  /** Null = there is no token. */
  readonly api: Api | null;
}

/** What was looked at, and what was found. */
export interface Looked extends NamedEnvironment {
  readonly platforms: readonly Platform[];
  readonly checks: readonly Check[];
}

/** The checks that are asked for, in the order in which they are printed. */
export async function checkAll(context: Context, flags: DoctorFlags): Promise<Looked> {
  const { name, environment } = await loadEnvironment(context, flags.env, flags.config);
  const kinds = new Set<TargetKind>(["github", "cloudflare", ...environment.origins.map((origin) => origin.kind)]);
  const none: Given = { access: null, reason: { detail: "", next: HINTS.nothing() } };
  const given = async (kind: TargetKind) => (kinds.has(kind) ? accessTo(context, kind) : none);
  const [onGithub, onCloudflare, onKoyeb, onFly] = await Promise.all([
    given("github"),
    given("cloudflare"),
    given("koyeb"),
    given("fly"),
  ]);
  const github = onGithub.access && githubApi(context, onGithub.access);
  const cloudflare = onCloudflare.access && cloudflareApi(context, onCloudflare.access);
  const koyeb = onKoyeb.access && koyebApi(context, onKoyeb.access);
  const fly = onFly.access && flyApi(context, onFly.access);
  const apis = { github, cloudflare, koyeb, fly };
  const platforms = [...kinds].map((kind) => ({ kind, api: apis[kind] }));
  const looked = async (parts: readonly Promise<Check | readonly Check[] | null>[]): Promise<readonly Check[]> =>
    (await Promise.all(parts))
      .flat()
      .filter((check) => check !== null)
      // Those of a sandbox never end, and no file of it could say otherwise.
      .map((check) => (context.place.joined ? check : withEnd(check, environment.tokens, context.now())));
  if (flags.tokens === true) {
    const checks = await looked([
      githubToken(context, github, environment, onGithub.reason),
      cloudflareToken(context, cloudflare, environment, onCloudflare.reason),
      ...(kinds.has("koyeb") ? [koyebToken(context, koyeb, onKoyeb.reason)] : []),
      flyToken(context, fly, environment, onFly.reason),
    ]);
    return { name, environment, platforms, checks: tokensOnly(checks) };
  }
  const worker =
    onCloudflare.access && cloudflare && cloudflareWorker(context, cloudflare, environment, onCloudflare.access);
  const checks = await looked([
    checkLocal(context, process.versions.node),
    checkGithub(context, github, environment, onGithub.reason),
    checkCloudflare(
      context,
      cloudflare && worker ? { api: cloudflare, worker } : null,
      environment,
      onCloudflare.reason,
    ),
    checkKoyeb(context, koyeb, { name, environment }, onKoyeb.reason),
    checkFly(context, fly, environment, onFly.reason),
    checkNetwork(context, environment),
    checkProject(context, flags, name),
    ...(flags.deploy === true ? [checkDeploy(context, { github, cloudflare }, environment)] : []),
  ]);
  return { name, environment, platforms, checks: beforeDeploy(checks, environment.origins) };
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

/** 4 when somebody may not do what is needed, 2 without a token, 3 when anything else is not ok or not known, else 0. */
export function exitCodeOf(checks: readonly Check[]): ExitCode {
  if (checks.some((check) => check.outcome === "missing" && check.authorisation)) return EXIT.unauthorised;
  if (checks.some((check) => check.unset)) return EXIT.usage;
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
  const lines = table(
    rowsOf.map(({ outcome, area, what, detail }) => [outcome, area, what, context.redactor.apply(detail)]),
  ).split("\n");
  const { stdout } = context;
  for (const [i, { outcome, next }] of rowsOf.entries()) {
    // Coloured after the table is made, so that escapes do not count as width.
    const line = fitted(context, lines[i] ?? "");
    // On a terminal in lines of its own, from which a command can be copied.
    const step = context.redactor.apply(next ?? "");
    const told = stdout.isTTY === true ? `\n${labelled(widthOf(stdout), "    ->", step, 8)}` : `  ->  ${step}`;
    stdout.write(
      `${style(COLOURS[outcome], line.slice(0, outcome.length))}${line.slice(outcome.length)}${next === null ? "" : told}\n`,
    );
  }
  const bad = checks.filter((check) => check.outcome !== "ok").length;
  context.stdout.write(
    bad === 0 ? `\nall ${checks.length} checks are ok\n` : `\n${bad} of ${checks.length} checks are not ok\n`,
  );
  return exitCode;
}

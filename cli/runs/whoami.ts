/** `mcpist whoami`: the account behind each token, as the platform names it, beside what doctor says of the token. Reads only. */
import type { Environment } from "../../contract/config.ts";
import { isRecord } from "../../contract/json.ts";
import type { TargetKind } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { ask, type Check } from "../doctor/check.ts";
import { checkAll, exitCodeOf } from "../doctor/doctor.ts";
import type { Api } from "../http.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import type { CommonFlags } from "../flags.ts";
import { fitted, table } from "../layout.ts";
import { printJson } from "../output.ts";
import { printable } from "../redact.ts";

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const first = (value: unknown): unknown => (Array.isArray(value) ? (value as readonly unknown[])[0] : undefined);
const field = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined);

/** How each platform is asked for the name of the account. null = it does not say. */
const ACCOUNT: Readonly<Record<TargetKind, (context: Context, api: Api, env: Environment) => Promise<string | null>>> =
  {
    async github(context, api) {
      const said = await ask(context, api, "GET", "/user");
      return said.kind === "yes" ? text(field(said.answer.json, "login")) : null;
    },
    async cloudflare(context, api, { cloudflare }) {
      const said = await ask(context, api, "GET", `/accounts/${cloudflare.accountId}`);
      return said.kind === "yes" ? text(field(field(said.answer.json, "result"), "name")) : null;
    },
    async koyeb(context, api) {
      const apps = await ask(context, api, "GET", "/v1/apps?limit=1");
      const id = apps.kind === "yes" ? text(field(first(field(apps.answer.json, "apps")), "organization_id")) : null;
      if (id === null) return null;
      const said = await ask(context, api, "GET", `/v1/organizations/${encodeURIComponent(id)}`);
      return said.kind === "yes" ? text(field(field(said.answer.json, "organization"), "name")) : null;
    },
    async fly(context, api, { fly }) {
      const said = await ask(context, api, "GET", `/v1/apps?org_slug=${encodeURIComponent(fly.organization)}`);
      return said.kind === "yes" ? fly.organization : null;
    },
  };

/** What is known of one token. */
interface Account {
  readonly platform: TargetKind;
  readonly account: string | null;
  readonly token: string;
}

/** What was not found out is not told as accepted. */
function tokenOf(checks: readonly Check[], platform: TargetKind): string {
  const check = checks.find(({ area }) => area === platform);
  return check === undefined || check.outcome === "not run" ? `unknown: ${check?.detail ?? "not asked"}` : check.detail;
}

/** The command. @returns 0 when every token is accepted, 4 when one is refused, 2 when one is not set, 3 when it is not known of one. */
export async function runWhoami(context: Context, flags: CommonFlags): Promise<ExitCode> {
  const { name, environment, platforms, checks } = await checkAll(context, { ...flags, tokens: true });
  const accounts: readonly Account[] = await Promise.all(
    platforms.map(async ({ kind, api }) => ({
      platform: kind,
      account: api === null ? null : await ACCOUNT[kind](context, api, environment),
      token: tokenOf(checks, kind),
    })),
  );
  // That one ends soon is for doctor to say.
  const exitCode = exitCodeOf(checks.filter(({ outcome }) => outcome !== "ends soon"));
  if (flags.json) {
    printJson(context, { command: "whoami", environment: name, ok: exitCode === EXIT.done, exitCode, accounts });
    return exitCode;
  }
  const rows = accounts.map(({ platform, account, token }) => [platform, account ?? "unknown", token]);
  context.stdout.write(
    `${fitted(context, context.redactor.apply(printable(table([["PLATFORM", "ACCOUNT", "TOKEN"], ...rows]))))}\n`,
  );
  return exitCode;
}

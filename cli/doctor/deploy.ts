/**
 * Checks of `mcpist doctor --deploy`: what `npx cdktn deploy` needs beyond what `mcpist secrets` does. Tokens that only rotate
 * should lack most of it.
 */
import type { Environment } from "../../contract/config.ts";
import type { Context } from "../context.ts";
import type { Api } from "../http.ts";
import { checksOf, mayWrite, type Check, type Said } from "./check.ts";
import { findZone } from "./cloudflare.ts";
import { HINTS } from "../hints/hints.ts";

const deploy = checksOf("deploy");
/** One permission, tried with a write that cannot be carried out. */
interface Permission {
  readonly what: string;
  /** As the platform's form for a token calls it. */
  readonly grant: string;
  readonly said: Promise<Said>;
}

/** What Terraform reads from its environment, by its own names. */
function checkVariables(context: Context, { backend }: Environment): readonly Check[] {
  const has = (name: string): boolean => (context.env[name] ?? "") !== "";
  const checks = [
    has("GITHUB_TOKEN")
      ? deploy.ok("GITHUB_TOKEN", "set: the GitHub provider reads this name")
      : deploy.missing(
          "GITHUB_TOKEN",
          "not set; the GitHub provider does not read GH_TOKEN",
          HINTS.exportLine('GITHUB_TOKEN="$GH_TOKEN"'),
        ),
  ];
  if (backend.type !== "s3") return checks;
  const absent = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].filter((name) => !has(name));
  return [
    ...checks,
    absent.length === 0
      ? deploy.ok("bucket", `credentials for ${backend.bucket} are set`)
      : deploy.missing("bucket", `${absent.join(" and ")} not set`, HINTS.bucketKey(backend.bucket)),
  ];
}

async function checkPermission({ what, grant, said }: Permission): Promise<Check> {
  const answer = await said;
  if (answer.kind === "silent") return deploy.notRun(what, answer.reason);
  if (answer.kind === "yes" || answer.kind === "understood") return deploy.ok(what, grant);
  return deploy.denied(what, `the token lacks ${grant}`, HINTS.grant(grant, "the token that deploys"));
}

function githubPermissions(context: Context, api: Api, { github }: Environment): readonly Permission[] {
  const repo = `/repos/${encodeURIComponent(github.owner)}/${encodeURIComponent(github.repo)}`;
  return [
    {
      what: "write rulesets",
      grant: "Administration: write",
      said: mayWrite(context, api, "POST", `${repo}/rulesets`),
    },
  ];
}

async function cloudflareChecks(context: Context, api: Api, environment: Environment): Promise<readonly Check[]> {
  const { id } = await findZone(context, api, environment);
  if (id === null) return [deploy.notRun("zone", `${environment.cloudflare.zone} is not there, or not for this token`)];
  const zone = `/zones/${encodeURIComponent(id)}`;
  const write = (method: string, path: string) => mayWrite(context, api, method, path);
  const permissions: readonly Permission[] = [
    {
      what: "write zone settings",
      grant: "Zone Settings: edit",
      said: write("PATCH", `${zone}/settings/min_tls_version`),
    },
    { what: "write zone rulesets", grant: "Zone WAF: edit", said: write("POST", `${zone}/rulesets`) },
    {
      what: "write the hostname",
      grant: "Workers Routes: edit",
      said: write("PUT", `/accounts/${encodeURIComponent(environment.cloudflare.accountId)}/workers/domains`),
    },
  ];
  return Promise.all(permissions.map(checkPermission));
}

/** @param apis null = there is no token, which other checks say. A gateway on loopback has neither zone nor repository floor. */
export async function checkDeploy(
  context: Context,
  apis: { readonly github: Api | null; readonly cloudflare: Api | null },
  environment: Environment,
): Promise<readonly Check[]> {
  const variables = checkVariables(context, environment);
  if (environment.cloudflare.url !== undefined) return variables;
  const { github, cloudflare } = apis;
  const permissions = github ? githubPermissions(context, github, environment) : [];
  const parts = await Promise.all([
    Promise.all(permissions.map(checkPermission)),
    cloudflare ? cloudflareChecks(context, cloudflare, environment) : [],
  ]);
  return [...variables, ...parts.flat()];
}

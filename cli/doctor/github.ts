/** Checks of GitHub: the token, what it may write, the repository and its environment. */
import type { Environment } from "../../contract/config.ts";
import type { Context } from "../context.ts";
import type { Api } from "../http.ts";
import { ask, checksOf, mayWrite, type Check, type Reason, type Said } from "./check.ts";
import { HINTS } from "../hints/hints.ts";

const NEW_TOKEN = "https://github.com/settings/personal-access-tokens/new";
const DAY_MS = 86_400_000;
const github = checksOf("github");

/** A name that no secret has; the write that names it cannot be carried out. */
const NO_SECRET = "MCPIST_DOCTOR";

interface Permission {
  readonly what: string;
  /** As the form for a new token calls it. */
  readonly grant: string;
  readonly said: Promise<Said>;
  /** Only looks: 404 then means that there is nothing, not that nothing is allowed. */
  readonly reads?: true;
}

/** How long the token lives, by the header that GitHub sends with it. */
function lifetime(headers: Headers, now: Date): string {
  const ends = Date.parse(
    (headers.get("github-authentication-token-expiration") ?? "").replace(" UTC", "Z").replace(" ", "T"),
  );
  if (Number.isNaN(ends)) return "";
  const days = Math.floor((ends - now.getTime()) / DAY_MS);
  return `, expires in ${days} day${days === 1 ? "" : "s"}`;
}

function tokenCheck(context: Context, headers: Headers, repository: string): Check {
  const scopes = headers.get("x-oauth-scopes");
  const lives = lifetime(headers, context.now());
  // Only classic tokens and logins have scopes; a fine-grained one has permissions for chosen repositories.
  if (scopes === null || scopes === "") return github.ok("token", `no classic scopes${lives}`);
  return github.tooBroad(
    "token",
    `a classic token with ${scopes}: it reaches every repository of its owner${lives}`,
    HINTS.narrowToken(`make a fine-grained token for ${repository} alone`, NEW_TOKEN),
  );
}

async function permissionCheck({ what, grant, said, reads }: Permission, repository: string): Promise<Check> {
  const answer = await said;
  switch (answer.kind) {
    case "yes":
    case "understood":
      return github.ok(what, grant);
    case "unauthenticated":
      return github.denied(what, "the token is not valid", HINTS.makeToken(NEW_TOKEN));
    case "absent":
    case "forbidden": {
      // There is no such run, and a token that may look is told so.
      if (answer.kind === "absent" && reads) return github.ok(what, grant);
      const wants = answer.answer.headers.get("x-accepted-github-permissions");
      return github.denied(
        what,
        `the token lacks ${grant}${wants ? ` (${wants})` : ""}`,
        HINTS.grant(`${grant} on ${repository}`, "the token"),
      );
    }
    case "silent":
      return github.notRun(what, answer.reason);
  }
}

/** What `mcpist secrets` writes and reads. */
function permissions(context: Context, api: Api, config: Environment["github"], repo: string): readonly Permission[] {
  const write = (method: string, path: string) => mayWrite(context, api, method, repo + path);
  const scoped: readonly Permission[] =
    config.scope === "environment"
      ? [
          {
            what: "write secrets",
            grant: "Environments: write",
            said: write("PUT", `/environments/${encodeURIComponent(config.environment)}/secrets/${NO_SECRET}`),
          },
          {
            what: "write variables",
            grant: "Environments: write",
            said: write("POST", `/environments/${encodeURIComponent(config.environment)}/variables`),
          },
        ]
      : [
          { what: "write secrets", grant: "Secrets: write", said: write("PUT", `/actions/secrets/${NO_SECRET}`) },
          { what: "write variables", grant: "Variables: write", said: write("POST", "/actions/variables") },
        ];
  return [
    ...scoped,
    { what: "write the rotation ref", grant: "Contents: write", said: write("POST", "/git/refs") },
    {
      what: "read workflow runs",
      grant: "Actions: read",
      said: ask(context, api, "GET", `${repo}/actions/runs/1`),
      reads: true,
    },
  ];
}

const repositoryPath = ({ owner, repo }: Environment["github"]): string =>
  `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}`;

/** The token, and what GitHub said when it was asked for the repository with it; null = nothing that can be gone on with. */
async function looked(
  context: Context,
  api: Api | null,
  { github: config }: Environment,
  reason: Reason,
): Promise<{ readonly token: Check; readonly said: Said | null }> {
  const only = (token: Check) => ({ token, said: null });
  if (!api) return only(github.noToken(reason, HINTS.makeToken(NEW_TOKEN)));
  const said = await ask(context, api, "GET", repositoryPath(config));
  if (said.kind === "unauthenticated")
    return only(github.denied("token", "GitHub does not accept it: wrong or expired", HINTS.makeToken(NEW_TOKEN)));
  if (said.kind === "silent") return only(github.notRun("token", said.reason));
  return { token: tokenCheck(context, said.answer.headers, `${config.owner}/${config.repo}`), said };
}

/** @param api null = there is no token; `reason` then says what to do. */
export const githubToken = async (
  context: Context,
  api: Api | null,
  environment: Environment,
  reason: Reason,
): Promise<Check> => (await looked(context, api, environment, reason)).token;

/** @param api as {@link githubToken} */
export async function checkGithub(
  context: Context,
  api: Api | null,
  environment: Environment,
  reason: Reason,
): Promise<readonly Check[]> {
  const { github: config } = environment;
  const repository = `${config.owner}/${config.repo}`;
  const { token, said } = await looked(context, api, environment, reason);
  if (!api || !said) return [token];
  const repo = repositoryPath(config);
  if (said.kind !== "yes") {
    const next = HINTS.correctNames("github.owner and github.repo", `, or give the token access to ${repository}`);
    return [token, github.missing("repository", `${repository} is not there, or not for this token`, next)];
  }
  const checks = [token, github.ok("repository", repository)];
  if (config.scope === "environment") {
    const place = await ask(context, api, "GET", `${repo}/environments/${encodeURIComponent(config.environment)}`);
    if (place.kind === "absent") {
      const next = HINTS.makeBase();
      return [
        ...checks,
        github.missing("environment", `${repository} has no environment "${config.environment}"`, next),
        github.notRun("permissions", "they can be tried when the environment is there"),
      ];
    }
    checks.push(
      place.kind === "yes"
        ? github.ok("environment", config.environment)
        : github.notRun("environment", "GitHub did not say"),
    );
  }
  const asked = permissions(context, api, config, repo);
  return [...checks, ...(await Promise.all(asked.map((permission) => permissionCheck(permission, repository))))];
}

/**
 * api.github.com on loopback: secrets, variables, environments, git data and workflow runs of one organisation for the operator's
 * token, issues and search for the tokens of an app's users. It answers what this project, the Terraform provider and gh call;
 * everything else is a 404 that is reported by name.
 */
import { randomBytes } from "node:crypto";
import { etag } from "hono/etag";
import { Hono, type Context } from "hono";
import { UserTokens } from "../user-tokens.ts";
import { failing, listen, withFaults, withoutQuery, type VendorApp, type VendorContext } from "../vendor.ts";
import { reply } from "./described.ts";
import { addGit } from "./git-routes.ts";
import { addGraphql, OPERATOR } from "./graphql.ts";
import { addIssues } from "./issue-routes.ts";
import { addOAuth, GITHUB_TOKENS } from "./oauth.ts";
import { addProtection } from "./protection-routes.ts";
import { RateLimits } from "./rate.ts";
import { addRepositories } from "./repository-routes.ts";
import { addSearch } from "./search-routes.ts";
import { addVault } from "./secret-routes.ts";
import { GithubState, type Environment, type Repository } from "./state.ts";
import { vaultReady, type Vault } from "./vault.ts";
import { failure } from "./wire.ts";

/** https://docs.github.com/rest/about-the-rest-api/api-versions */
const API_VERSIONS: ReadonlySet<string> = new Set(["2022-11-28", "2026-03-10"]);
/** Hosts that may stand in an absolute request target: gh through `HTTP_PROXY`. */
const PROXIED_HOSTS: ReadonlySet<string> = new Set(["api.github.localhost", "github.localhost"]);
/** What the app may do in the name of a user: read repositories, read and write issues. */
const FOR_USERS: readonly RegExp[] = [
  /^GET \/(user|rate_limit|search\/repositories|repos\/[^/]+\/[^/]+)?$/,
  /^(GET|POST) \/repos\/[^/]+\/[^/]+\/issues(\/|$)/,
];

export interface GithubOptions {
  readonly owner: string;
  readonly repo: string;
}

/** The running emulator, and what only a test or a scenario may do. */
export interface Github {
  readonly url: string;
  readonly state: GithubState;
  /** The repository that exists from the start. */
  readonly repository: Repository;
  readonly rates: RateLimits;
  /** Tokens of the users of a GitHub App that is installed on every repository. */
  readonly users: UserTokens;
  /** Plaintext of a stored secret, for proofs in this process. @returns undefined when it is not there. */
  reveal(name: string, environment?: string): string | undefined;
  /** GitHub rotates its public keys: boxes for the old one are answered with 422. */
  rotateKeys(): void;
  setRun(id: number, status: string, conclusion: string | null): void;
  close(): Promise<void>;
}

/** One canonical path: no `/api/v3`, and `/repositories/{id}` (old form, still used by clients) by name. */
function canonicalPath(state: GithubState, url: string): string {
  const path = new URL(url).pathname.replace(/^\/api\/v3(?=\/|$)/, "").replace(/(?<=.)\/$/, "") || "/";
  const byId = /^\/repositories\/(\d+)(\/.*)?$/.exec(path);
  const repository = byId && state.findById(Number(byId[1]));
  return repository ? `/repos/${repository.owner}/${repository.name}${byId[2] ?? ""}` : path;
}

/** Starts the emulator with one repository; its environments are made by whoever provisions. @throws when the port is taken. */
export async function startGithub(context: VendorContext, options: GithubOptions): Promise<Github> {
  await vaultReady();
  const state = new GithubState(options.owner, () => context.timings.githubLagMs);
  const repository = state.create(options.repo);
  const rates = new RateLimits();
  const users = new UserTokens(GITHUB_TOKENS, {
    clientId: "Iv23sandboxapp000001",
    clientSecret: randomBytes(20).toString("hex"),
  });
  const app: VendorApp = new Hono({ getPath: (request) => canonicalPath(state, request.url) });
  app.onError(failing("github", context));

  const bearerOf = (c: Context): string | undefined =>
    /^(?:token|bearer) (\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  const isOperator = (c: Context): boolean => bearerOf(c) === context.tokens.github;
  const loginOf = (c: Context): string => (isOperator(c) ? OPERATOR : (users.userOf(bearerOf(c) ?? "") ?? ""));

  addOAuth(app, users);
  app.use(async (c, next) => {
    const target = c.env.incoming.url ?? "/";
    if (!target.startsWith("/") && !PROXIED_HOSTS.has(new URL(target).hostname))
      return failure(c, 502, "the mcpist sandbox forwards nothing but api.github.localhost");
    const login = loginOf(c);
    const refusal = refuse(c, login) ?? rates.admit(c, login);
    if (refusal) return refusal;
    const moved = movedTo(c, state);
    if (moved) return moved;
    if (!isOperator(c) && !FOR_USERS.some((allowed) => allowed.test(`${c.req.method} ${c.req.path}`)))
      return failure(c, 403, "Resource not accessible by integration");
    await next();
    if (c.res.status === 304) rates.takeBack(c, login);
    rates.stamp(c, c.res.headers, login);
    // Tokens of an app have permissions, not scopes.
    if (isOperator(c)) c.res.headers.set("x-oauth-scopes", "read:org, repo, workflow");
    c.res.headers.set("x-github-request-id", crypto.randomUUID().toUpperCase());
    c.res.headers.set("x-github-api-version-selected", c.req.header("x-github-api-version") ?? "2022-11-28");
    return undefined;
  });
  app.use(withoutQuery("recursive", "path", "since", "until"));
  // Conditional requests: the Terraform provider answers itself from the 304.
  app.use(etag({ weak: true }));

  const repositoryOf = (c: Context): Repository | null =>
    state.find(c.req.param("owner") ?? "", c.req.param("repo") ?? "");
  const environmentOf = (c: Context): Environment | undefined =>
    repositoryOf(c)?.environments.get((c.req.param("environment") ?? "").toLowerCase());
  addVault(app, "/repos/:owner/:repo/actions", (c): Vault | null => repositoryOf(c)?.vault ?? null);
  addVault(app, "/repos/:owner/:repo/environments/:environment", (c): Vault | null => environmentOf(c)?.vault ?? null);
  addGit(app, repositoryOf);
  addRepositories(app, state, repositoryOf, loginOf);
  addProtection(app, state, repositoryOf);
  addIssues(app, repositoryOf, loginOf);
  addSearch(app, state);

  app.get("/rate_limit", (c) => reply<"rate-limit/get">(c, rates.onWire(loginOf(c)), 200));
  addGraphql(app, state);

  const listener = await listen(withFaults("github", context, app), context.port("github"));
  return {
    url: listener.url,
    state,
    repository,
    rates,
    users,
    reveal: (name, environment) =>
      (environment === undefined
        ? repository.vault
        : repository.environments.get(environment.toLowerCase())?.vault
      )?.reveal(name),
    rotateKeys() {
      for (const { vault } of [repository, ...repository.environments.values()]) vault.rotateKey();
    },
    setRun: (id, status, conclusion) => void repository.runs.set(id, { status, conclusion }),
    close: () => listener.close(),
  };
}

/** Authentication and protocol rules that hold for every call. `login` is empty for a stranger. @returns null when the call may go on. */
function refuse(c: Context, login: string): Response | null {
  if (!c.req.header("user-agent"))
    return c.text(
      "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n",
      403,
    );
  const version = c.req.header("x-github-api-version");
  if (version !== undefined && !API_VERSIONS.has(version))
    return failure(c, 400, `${version} is not a supported version`);
  const authorization = c.req.header("authorization");
  // A private repository does not exist for a stranger.
  if (authorization === undefined)
    return c.req.path.startsWith("/repos/") ? failure(c, 404, "Not Found") : failure(c, 401, "Requires authentication");
  return login === "" ? failure(c, 401, "Bad credentials") : null;
}

/** A renamed repository is found by its id; the caller is told where. @returns null when nothing has moved. */
function movedTo(c: Context, state: GithubState): Response | null {
  const [, owner = "", name = "", rest = ""] = /^\/repos\/([^/]+)\/([^/]+)(\/.*)?$/.exec(c.req.path) ?? [];
  const repository = state.findRenamed(owner, name);
  if (!repository) return null;
  const { origin, search } = new URL(c.req.url);
  const url = `${origin}/repositories/${repository.id}${rest}${search}`;
  const documentation =
    "https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects";
  const status = c.req.method === "GET" ? 301 : 307;
  return c.json({ message: "Moved Permanently", url, documentation_url: documentation }, status, { location: url });
}

/** What the platforms answer, or do not answer. */
import { type Command, configFile, hint, mcpist, quoted, say } from "./hint.ts";

/** Where a platform says itself that it has an outage. */
const STATUS_PAGES: Readonly<Record<string, string>> = {
  GitHub: "https://www.githubstatus.com",
  Cloudflare: "https://www.cloudflarestatus.com",
  Koyeb: "https://status.koyeb.com",
  "Fly.io": "https://status.flyio.net",
};

/** The entries. */
export const PLATFORMS = {
  network: hint(
    "a platform",
    "no answer",
    (host: string, advice: string) => say`check the network and ${host}, then run the command again${advice}`,
  ),
  limitUntil: hint(
    "a platform",
    "a rate limit with a time",
    (vendor: string, until: string) => say`${vendor} takes no call before ${until} UTC: run the command again then`,
  ),
  limit: hint("a platform", "a rate limit without a time", () => say`wait some minutes, then run the command again`),
  moved: hint("the configuration", "a redirect of a platform", (advice: string | Command) => say`${advice}`),
  newToken: hint(
    "you",
    "401",
    (variable: string) =>
      say`${variable} is missing, wrong or expired: export a new one, then check it: ${mcpist("doctor")}`,
  ),
  permission: hint(
    "you",
    "403",
    (variable: string) =>
      say`${mcpist("doctor")}   (the token in ${variable} lacks a permission; lists what is needed)`,
  ),
  archived: hint(
    "you",
    "a repository that is archived",
    () => say`unarchive it at GitHub (Settings, Danger Zone), then run the command again`,
  ),
  notFound: hint(
    "the configuration",
    "404",
    (variable: string) =>
      say`${mcpist("doctor")}   (tells whether the name is wrong or the token in ${variable} may not see it)`,
  ),
  vendorFault: hint("a platform", "an answer that makes no sense, or 5xx", (vendor: string) => {
    const page = STATUS_PAGES[vendor];
    return page === undefined ? say`run the command again` : say`run the command again; when it stays, look at ${page}`;
  }),
  strangeAnswer: hint(
    "a platform",
    "an answer that is not the platform's",
    () =>
      say`look what stands in between (a proxy, the sign-in page of a network, the variable that names the address), then run the command again`,
  ),
  platform: hint(
    "a platform",
    "a rollout or an answer that takes too long",
    () => say`look at the platform's dashboard, then run the command again: it continues`,
  ),

  koyebService: hint(
    "the configuration",
    "Koyeb has no such service",
    () => say`check app and service in ${configFile}, or deploy the service stack; then run the command again`,
  ),
  koyebLogs: hint(
    "Koyeb",
    "a deployment that failed or does not end",
    (id: string) => say`koyeb deployments logs ${quoted(id)}, then run the command again`,
  ),
  koyebDeploy: hint(
    "somebody else",
    "another deployment is under way",
    () => say`wait until that is over, then run the command again`,
  ),
  flyHost: hint(
    "Fly.io",
    "a host that cannot be reached",
    (id: string, app: string) =>
      say`wait for Fly.io, or give the Machine up: fly machine destroy ${quoted(id)} --force -a ${quoted(app)}, then deploy again`,
  ),
  flyLease: hint(
    "somebody else",
    "a lease that somebody holds on a Machine",
    (id: string, app: string) =>
      say`fly machine leases view ${quoted(id)} -a ${quoted(app)}, then run the command again`,
  ),
  flyDeploy: hint(
    "somebody else",
    "a Machine that changes all the time",
    () => say`wait until that deploy is over, then run the command again`,
  ),
  flyMachine: hint(
    "Fly.io",
    "a Machine that does not start",
    (id: string, app: string) => say`fly machine status ${quoted(id)} -a ${quoted(app)}, then run the command again`,
  ),
  gatewayRoute: hint(
    "the configuration",
    "the gateway's address is not served by the Worker",
    (gateway: string, worker: string) =>
      say`check that ${gateway} is routed to Worker ${worker}, then run the command again`,
  ),
  foreignCode: hint(
    "somebody else",
    "code that cannot be uploaded again unchanged",
    (id: string) => say`delete Worker version ${id}, or deploy your code anew, then run the command again`,
  ),
  deployBase: hint(
    "the configuration",
    "something that the base stacks make is not there",
    () => say`${mcpist("deploy --base")}, then run the command again`,
  ),
  deployBaseOf: hint(
    "the configuration",
    "the Worker lacks what its stack binds",
    () => say`${mcpist("deploy --base")}`,
  ),
  deployBaseOrAccess: hint(
    "the configuration",
    "GitHub has no such environment, or not for this token",
    () =>
      say`${mcpist("deploy --base")}, or give GH_TOKEN access to the repository's environments and secrets; then run the command again`,
  ),
  wranglerFailed: hint(
    "Cloudflare",
    "wrangler ended with an error",
    (advice: string) =>
      say`check CLOUDFLARE_API_TOKEN (Workers Scripts: Edit) and the Worker's name: ${mcpist("doctor")}${advice}`,
  ),
} as const;

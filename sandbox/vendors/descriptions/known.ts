/**
 * Where an emulator, or a caller, differs from the vendor's own description, and why that is right. Part of docs/sandbox.md; a call
 * that our own command line makes is here only where the vendor's own client makes the same.
 */

/** One deviation that is meant. `what` is a regular expression on `operation what`. */
export interface KnownDeviation {
  readonly vendor: "koyeb" | "fly" | "github" | "cloudflare";
  readonly what: string;
  readonly why: string;
}

export const KNOWN_DEVIATIONS: readonly KnownDeviation[] = [
  {
    vendor: "github",
    what: String.raw`(GET|PUT) /repos/\{owner\}/\{repo\}/environments.* (answer(\.environments\[\])?|request)\.can_admins_bypass: is no field`,
    why: "the Terraform provider sends and reads it (github_repository_environment)",
  },
  {
    vendor: "github",
    what: String.raw`(GET|PATCH) /repos/\{owner\}/\{repo\} (answer|request)\.(squash_)?merge_commit_(message|title): is no value of the enum`,
    why: "the Terraform provider sends them empty, and is shown what it has written (github_repository)",
  },
  {
    vendor: "github",
    what: String.raw`GET /repos/\{owner\}/\{repo\}/issues 410: is no status`,
    why: "a list of disabled issues is 410 as one issue is, which is described for one alone",
  },
  {
    vendor: "github",
    what: String.raw`(POST|PATCH) \S+/variables(/\{name\})? 409: is no status`,
    why: "a variable's name that is taken is 409, which no description of an operation says",
  },
  {
    vendor: "cloudflare",
    what: String.raw`DELETE /client/v4/accounts/\S+/storage/kv/namespaces/[^/]+/bulk: is no operation of the excerpt`,
    why: "wrangler deletes many keys so, which the description has as a POST to bulk/delete",
  },
  {
    vendor: "cloudflare",
    what: String.raw`\w+ /client/v4/accounts/\S+/workers/(services/\S+|workers/[^/]+/versions/latest|scripts/[^/]+/domains/(changeset|records)|domains/records/\S+): is no operation of the excerpt`,
    why: "wrangler calls it, and no description has it",
  },
  {
    vendor: "cloudflare",
    what: String.raw`(GET|POST) /accounts/\{account_id\}/workers/scripts/\{script\}/versions\S* answer\.result(\.items\[\])?\.(annotations|resources|startup_time_ms): is no field`,
    why: "wrangler reads the annotations of a version and the bindings of listed ones (versions/api, versions/secrets/list)",
  },
  {
    vendor: "cloudflare",
    what: String.raw`\w+ /accounts/\{account_id\}/workers/scripts(/\{script\})? answer\.result(\[\])?\.deployment_id: is no field`,
    why: "wrangler prints it as the version that a deploy has made",
  },
  {
    vendor: "cloudflare",
    what: String.raw`GET /accounts/\{account_id\}/workers/scripts/\{script\}/content/v2 \?version: is no parameter`,
    why: "wrangler asked so for the code of one version until 4.112 (versions/secrets)",
  },
  {
    vendor: "cloudflare",
    what: String.raw`GET /client/v4/zones/[^/]+/settings: is no operation of the excerpt`,
    why: "the description of 2024 has the list of all settings, the client has each by its name",
  },
  {
    vendor: "fly",
    what: String.raw`Machines(Show|Create|List|Update) (request|answer(\[\])?)\.config\.services\[\]\.autostop: is no value of the enum`,
    why: "off and stop are false and true in answers, as the description says in words and its enum does not",
  },
  {
    vendor: "fly",
    what: String.raw`Machines(Show|Create|List|Update) answer(\[\])?\.version: is no field`,
    why: "the vendor's client reads it from a Machine (fly-go, Machine)",
  },
  {
    vendor: "fly",
    what: String.raw`Machines(Create|Show)Lease answer\.(status|data): is no field`,
    why: "the vendor's client reads the lease below data (fly-go, MachineLease)",
  },
  {
    vendor: "fly",
    what: String.raw`MachinesCreateLease \?ttl: is no parameter`,
    why: "the vendor's client sends it so, and no body (fly-go, AcquireLease)",
  },
  {
    vendor: "fly",
    what: String.raw`AppsCreate (\?wait: is no parameter|request\.app_name: is no field)`,
    why: "flyctl sends wait; the documentation's example says app_name where the description says name",
  },
];

const patterns = KNOWN_DEVIATIONS.map(({ vendor, what }) => ({ vendor, pattern: new RegExp(`^(${what})$`) }));

/** @param deviation as check.ts says it. */
export const isKnownDeviation = (vendor: string, deviation: string): boolean =>
  patterns.some((known) => known.vendor === vendor && known.pattern.test(deviation));

/** Who writes requests in this project: the command line, and tests. What any other program sends is what a vendor's program sends. */
const OURS = /^(?:mcpist|node|undici|test)\b/;
/** An operation is called by its method and path, or by one word where the vendor names it. */
const ABOUT_REQUEST = /^\S+ (?:\S+ )?(?:request\b|\?)|: is no operation of the excerpt$/;

/**
 * True for a deviation that is not this project's: what a program sends that is none of ours. Its answers are held all the same.
 * @param agent User-Agent of the request, null = none.
 */
export const isOthersRequest = (agent: string | null, deviation: string): boolean =>
  agent !== null && !OURS.test(agent) && ABOUT_REQUEST.test(deviation);

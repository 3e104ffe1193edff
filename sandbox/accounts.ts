/**
 * One sandbox user has connected accounts at GitHub and Notion, as after a sign-in there: the tokens lie in the stand-in for the Vault
 * and nowhere else. Both accounts hold a little to look at.
 */
import pg from "pg";
import type { Provider } from "../supabase/functions/token-broker/refresh.ts";
import type { Github } from "./vendors/github/github.ts";
import { userId } from "./vendors/idp/tokens.ts";
import type { Notion } from "./vendors/notion/notion.ts";

/** Number of the sandbox user who is connected. */
export const CONNECTED_USER = 1;
/** Name of the n-th sandbox user at both providers. */
export const loginOf = (n: number): string => `sandbox-user-${n}`;

const CONNECT = "select mcpist.connect_account($1::uuid, $2, $3, $4::text[], $5::integer)";

/** What a provider's side of a connection is made of. */
interface Accounts {
  readonly github: Github;
  readonly notion: Notion;
}

/** What the broker needs to refresh tokens at the emulators, by module. */
export function providersOf({ github, notion }: Accounts): ReadonlyMap<string, Provider> {
  return new Map<string, Provider>([
    ["github", { tokenUrl: `${github.url}/login/oauth/access_token`, style: "github", ...github.users.client }],
    ["notion", { tokenUrl: `${notion.url}/v1/oauth/token`, style: "notion", ...notion.users.client }],
  ]);
}

/** Puts issues and pages there. */
export function furnish({ github, notion }: Accounts): void {
  const { issues } = github.repository;
  const first = issues.open({
    title: "Write down how we rotate secrets",
    author: loginOf(CONNECTED_USER),
    labels: ["documentation"],
  });
  issues.comment(first, "sandbox-operator", "The runbook is in docs.");
  issues.open({
    title: "Try an outage of one platform",
    author: "sandbox-operator",
    body: "The sandbox has scenarios for it.",
  });
  const home = notion.workspace.createPage("Sandbox home");
  notion.workspace.append(home.id, "heading_2", "Welcome");
  notion.workspace.append(home.id, "paragraph", "Everything here is gone when the sandbox ends.");
  notion.workspace.createPage("Meeting notes", home.id);
}

/**
 * Connects the n-th sandbox user to both providers. May be called again, as a user may.
 * @param adminUrl connection string of the sandbox's own database.
 */
export async function connectAccounts(accounts: Accounts, adminUrl: string, n: number = CONNECTED_USER): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    for (const module of ["github", "notion"] as const) {
      const { accessToken, refreshToken, expiresIn } = accounts[module].users.issue(loginOf(n));
      const secret = JSON.stringify({ access_token: accessToken, refresh_token: refreshToken });
      // Notion does not say when a token ends.
      const known = module === "github" ? expiresIn : null;
      await client.query(CONNECT, [userId(n), module, secret, module === "github" ? ["repo"] : [], known]);
    }
  } finally {
    await client.end();
  }
}

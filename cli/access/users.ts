/** Users and what they may call, as the owner of the database sees and changes them. */
import { TOOL_NAME } from "../../contract/names.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { OwnerDatabase } from "../../supabase/migrate/database.ts";

/** One user. */
export interface UserRow {
  /** UUID. */
  readonly user: string;
  readonly status: "active" | "suspended";
  readonly plan: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** `module/tool`, by name. */
  readonly grants: readonly string[];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** @throws {McpistError} ERR_USAGE, never with what was typed. */
export function userOf(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new McpistError("ERR_USAGE", "a user is named by the UUID of the account", { hint: HINTS.users() });
}

/** What a person grants or revokes: a module, or one tool of it (`github`, `github/create_issue`). */
export function grantOf(text: string): { readonly module: string; readonly tool: string | null } {
  const [module = "", tool, ...rest] = text.split("/");
  if (!TOOL_NAME.shape.test(module) || (tool !== undefined && !TOOL_NAME.shape.test(tool)) || rest.length > 0)
    throw new McpistError("ERR_USAGE", "a grant is MODULE or MODULE/TOOL", { hint: HINTS.tools() });
  return { module, tool: tool ?? null };
}

/** Users, the newest first; one user when a UUID is given. */
export async function listUsers(
  database: OwnerDatabase,
  user: string | null,
  most: number,
): Promise<readonly UserRow[]> {
  const rows = await database.query<UserRow>(
    `select u.user_id::text as user, u.status, u.plan_id as plan,
       to_char(u.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since,
       coalesce((
         select json_agg(g.module_id || '/' || g.tool_id order by g.module_id, g.tool_id)
         from mcpist.grants g where g.user_id = u.user_id and g.revoked_at is null
       ), '[]'::json) as grants
     from mcpist.users u where $1 = '' or u.user_id::text = $1
     order by u.created_at desc, u.user_id limit $2`,
    [user ?? "", most],
  );
  if (user !== null && rows.length === 0)
    throw new McpistError("ERR_USAGE", "there is no such user", { hint: HINTS.users() });
  return rows;
}

/** Functions of the schema say in one sentence what is wrong; nothing else of the database's words is shown. */
async function asked<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { code } = cause as { readonly code?: string };
    const said: Readonly<Record<string, string>> = {
      P0002: "there is no such user, grant, plan or tool",
      "23503": "there is no such user, plan or tool",
      "23514": "this cannot be granted",
      "42501": "the role in DATABASE_URL is not the owner of the schema",
    };
    const text = code === undefined ? undefined : said[code];
    if (text === undefined) throw cause;
    throw new McpistError("ERR_REFUSED", text, { hint: HINTS.usersAndTools(), cause });
  }
}

/** Grants a module's enabled tools or one tool. @returns how many tools the user may call now that were asked for. */
export async function grant(
  database: OwnerDatabase,
  user: string,
  { module, tool }: ReturnType<typeof grantOf>,
  actor: string,
): Promise<number> {
  if (tool === null) {
    const [row] = await asked(
      database.query<{ granted: number }>("select mcpist.grant_module($1::uuid, $2, $3) as granted", [
        user,
        module,
        actor,
      ]),
    );
    return row?.granted ?? 0;
  }
  await asked(database.query("select mcpist.grant_tool($1::uuid, $2, $3, $4)", [user, module, tool, actor]));
  return 1;
}

/** Revokes every granted tool of a module, or one. @returns how many were revoked. */
export async function revoke(
  database: OwnerDatabase,
  user: string,
  { module, tool }: ReturnType<typeof grantOf>,
  actor: string,
): Promise<number> {
  const rows = await database.query<{ tool_id: string }>(
    `select tool_id from mcpist.grants where user_id = $1::uuid and module_id = $2 and revoked_at is null and ($3 = '' or tool_id = $3)`,
    [user, module, tool ?? ""],
  );
  if (rows.length === 0) throw new McpistError("ERR_REFUSED", "there is no such grant", { hint: HINTS.users() });
  for (const { tool_id: name } of rows)
    await asked(database.query("select mcpist.revoke_tool($1::uuid, $2, $3, $4)", [user, module, name, actor]));
  return rows.length;
}

/** Puts a user on a plan. */
export async function setPlan(database: OwnerDatabase, user: string, plan: string, actor: string): Promise<void> {
  await asked(database.query("select mcpist.set_plan($1::uuid, $2, $3)", [user, plan, actor]));
}

/** Suspends a user, or lets them in again. Refused at every origin within 15 seconds. */
export async function setStatus(
  database: OwnerDatabase,
  user: string,
  status: UserRow["status"],
  actor: string,
): Promise<void> {
  await asked(database.query("select mcpist.set_status($1::uuid, $2, $3)", [user, status, actor]));
}

/** Tools of somebody's own modules in the sandbox's database: registered, and granted to every sandbox user. */
import pg from "pg";

const ADMIT = `
with named as (select x ->> 0 as module_id, x ->> 1 as tool_id from json_array_elements($1::json) as x),
added as (insert into mcpist.tools (module_id, tool_id) select module_id, tool_id from named on conflict do nothing)
select 1`;
const GRANT = `
insert into mcpist.grants (user_id, module_id, tool_id, granted_by)
select u.user_id, x ->> 0, x ->> 1, 'sandbox' from mcpist.users u cross join json_array_elements($1::json) as x
on conflict do nothing`;

/** @param adminUrl connection string of the sandbox's own database. */
export async function admitOwnTools(
  adminUrl: string,
  tools: readonly (readonly [moduleId: string, toolId: string])[],
): Promise<void> {
  if (tools.length === 0) return;
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    for (const statement of [ADMIT, GRANT]) await client.query(statement, [JSON.stringify(tools)]);
  } finally {
    await client.end();
  }
}

/**
 * Layer 3 of the sieve: why a name was refused, for the log. Asked only after the answer is queued, so that the time of an answer
 * does not tell. What cannot be found out is not guessed: a failed lookup gives no verdict.
 */
import type { SieveVerdict } from "../../contract/security-event.ts";
import type { Database } from "../database/database.ts";
import type { Registry } from "../modules/registry.ts";

/** How much a verdict weighs; 50 within ten minutes raises `probe_suspected`. */
export const SCORES: Readonly<Record<SieveVerdict, number>> = {
  nonexistent: 1,
  recently_revoked: 0,
  disabled: 0,
  never_granted: 10,
  decoy: 50,
};

const LOOK_UP = `
select
  coalesce(bool_or(t.decoy), false) as decoy,
  coalesce(bool_or(g.revoked_at is null and g.user_id is not null), false) as granted,
  coalesce(bool_or(g.revoked_at > now() - interval '24 hours'), false) as recent
from mcpist.tools t
left join mcpist.grants g on g.module_id = t.module_id and g.tool_id = t.tool_id and g.user_id = $1::uuid
where t.module_id = $2 and ($3::text is null or t.tool_id = $3)`;

/**
 * Finds the verdict for a refused name; `tool` is null when a whole module was asked for.
 * A module with real tools is not a decoy because one of its names is. @throws when the database does not answer.
 */
export async function findVerdict(
  database: Database,
  registry: Registry,
  userId: string,
  module: string,
  tool: string | null,
): Promise<SieveVerdict> {
  const known = tool === null ? registry.has(module) : registry.get(module)?.tools.has(tool) === true;
  // PostgreSQL's text cannot hold NUL; no row can have such a name.
  if (`${module}${tool ?? ""}`.includes("\0")) return "nonexistent";
  const [row] = await database.query<{ decoy: boolean; granted: boolean; recent: boolean }>(LOOK_UP, [
    userId,
    module,
    tool,
  ]);
  if (row?.decoy && !known) return "decoy";
  // Granted and refused all the same: switched off, withheld because its server changed it, or of a server that is down.
  if (row?.granted) return "disabled";
  if (!known) return "nonexistent";
  return row?.recent ? "recently_revoked" : "never_granted";
}

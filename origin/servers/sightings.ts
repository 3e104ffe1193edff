/** Reports what servers list, and learns what of it is approved. The database computes the pins, so that none can be made up. */
import type { Database } from "../database/database.ts";
import { textOf } from "./tool-facts.ts";
import type { Listing } from "./listing.ts";

/** A tool whose approved pin is not what its server shows now. */
export interface ChangedTool {
  readonly tool: string;
  readonly approved: string;
}

/** Reports one listing. @returns tools that are withheld because they changed. @throws when the database does not answer. */
export async function reportListing(
  database: Database,
  module: string,
  { tools, instructions }: Listing,
): Promise<readonly ChangedTool[]> {
  const listed = Array.from(tools.values(), ({ facts }) => ({
    tool: facts.name,
    facts: textOf({ facts, instructions }),
  }));
  const approved = await database.query<{ tool_id: string; pin: string }>(
    "select tool_id, pin from mcpist.sight_tools($1, $2::json)",
    [module, JSON.stringify(listed)],
  );
  return approved.flatMap(({ tool_id: tool, pin }) => {
    const now = tools.get(tool);
    return now && now.pin !== pin ? [{ tool, approved: pin }] : [];
  });
}

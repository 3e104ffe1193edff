/** Tools as the owner of the database sees them: what servers list, what of it is approved, and what has changed since. Pure but for queries. */
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { OwnerDatabase } from "../../supabase/migrate/database.ts";

/** What can be done with a tool now. */
export type ToolState =
  | "built in" // a tool of mcpist itself
  | "off" // switched off for everybody
  | "new" // seen, and never approved
  | "approved" // runs as it was approved
  | "changed" // withheld: it is not what was approved
  | "decoy"; // whoever calls it is probing

/** One tool. */
export interface ToolRow {
  readonly module: string;
  readonly tool: string;
  readonly state: ToolState;
  /** Pin that was approved, and pin that was seen last: 64 lower-case hex characters, or null. */
  readonly approved: string | null;
  readonly seen: string | null;
  /** ISO 8601, or null. */
  readonly lastSeen: string | null;
  /** Users who may call it. */
  readonly grants: number;
}

interface Row {
  readonly module: string;
  readonly tool: string;
  readonly approved: string | null;
  readonly seen: string | null;
  readonly last_seen: string | null;
  readonly enabled: boolean | null;
  readonly decoy: boolean | null;
  readonly grants: string;
}

const LIST = `
select coalesce(t.module_id, s.module_id) as module, coalesce(t.tool_id, s.tool_id) as tool, t.pin as approved, s.pin as seen,
  to_char(s.last_seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as last_seen, t.enabled, t.decoy,
  (select count(*) from mcpist.grants g
   where g.module_id = t.module_id and g.tool_id = t.tool_id and g.revoked_at is null)::text as grants
from mcpist.tools t
full join (
  select distinct on (module_id, tool_id) module_id, tool_id, pin, last_seen from mcpist.tool_sightings
  order by module_id, tool_id, last_seen desc, first_seen desc
) s on s.module_id = t.module_id and s.tool_id = t.tool_id
where $1 = '' or coalesce(t.module_id, s.module_id) = $1
order by 1, 2`;

function stateOf({ approved, seen, enabled, decoy }: Row): ToolState {
  if (decoy === true) return "decoy";
  if (enabled === false) return "off";
  if (seen === null) return approved === null ? "built in" : "approved";
  if (approved === null) return "new";
  return approved === seen ? "approved" : "changed";
}

/** All tools, or those of one module, by name. */
export async function listTools(database: OwnerDatabase, module = ""): Promise<readonly ToolRow[]> {
  const rows = await database.query<Row>(LIST, [module]);
  return rows.map((row) => ({
    module: row.module,
    tool: row.tool,
    state: stateOf(row),
    approved: row.approved,
    seen: row.seen,
    lastSeen: row.last_seen,
    grants: Number(row.grants),
  }));
}

/** What a model sees of a tool, as the database keeps it. */
export type Facts = Readonly<Record<string, unknown>>;

/** A tool's facts: as approved, and as seen last. Null where there is none. */
export interface ToolFacts {
  readonly approved: Facts | null;
  readonly seen: Facts | null;
}

function factsOf(text: string | undefined): Facts | null {
  if (text === undefined) return null;
  const { facts, instructions } = JSON.parse(text) as { readonly facts: Facts; readonly instructions: string };
  return { ...facts, ...(instructions === "" ? {} : { instructions }) };
}

/** Reads both. */
export async function readFacts(database: OwnerDatabase, row: ToolRow): Promise<ToolFacts> {
  const rows = await database.query<{ readonly pin: string; readonly facts: string }>(
    "select pin, facts from mcpist.tool_sightings where module_id = $1 and tool_id = $2 and pin in ($3, $4)",
    [row.module, row.tool, row.approved ?? "", row.seen ?? ""],
  );
  const at = (pin: string | null) => factsOf(rows.find((found) => found.pin === pin)?.facts);
  return { approved: at(row.approved), seen: at(row.seen) };
}

/** Members that differ, each with both values; an absent one is undefined. */
export function difference({ approved, seen }: ToolFacts): readonly {
  readonly member: string;
  readonly before: unknown;
  readonly after: unknown;
}[] {
  const members = [...new Set([...Object.keys(approved ?? {}), ...Object.keys(seen ?? {})])].sort();
  return members.flatMap((member) => {
    const [before, after] = [approved?.[member], seen?.[member]];
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ member, before, after }];
  });
}

/** What nobody sees who reads it on a screen: format characters, tags, selectors, fillers, and what has no meaning yet. */
const INVISIBLE = /[\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * A member of a tool's facts as JSON, in which everything is visible: a model reads an instruction in characters that a terminal does not
 * show, and whoever approves it has to read it too.
 */
const shown = (value: unknown): string =>
  value === undefined
    ? "(absent)"
    : JSON.stringify(value).replace(INVISIBLE, (character) =>
        Array.from(
          { length: character.length },
          (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
        ).join(""),
      );

/** What a person reads before they approve a tool: all of it, or what is different from what was approved. */
export function linesOf(row: ToolRow, facts: ToolFacts): readonly string[] {
  const changed = row.state === "changed" ? difference(facts) : [];
  const pin = row.seen ?? row.approved;
  return [
    `${row.module} ${row.tool}: ${row.state}${pin === null ? "" : `, pin ${pin.slice(0, 16)}`}`,
    ...(changed.length > 0
      ? changed.flatMap(({ member, before, after }) => [
          `  - ${member}: ${shown(before)}`,
          `  + ${member}: ${shown(after)}`,
        ])
      : Object.entries(facts.seen ?? facts.approved ?? {}).map(([member, value]) => `    ${member}: ${shown(value)}`)),
  ];
}

/** Approves a tool exactly as it is in `row`: what came since needs an approval of its own. */
export async function approveTool(database: OwnerDatabase, row: ToolRow, actor: string): Promise<void> {
  if (row.seen === null)
    throw new McpistError("ERR_REFUSED", `no origin has seen ${row.module} ${row.tool}`, { hint: HINTS.tools() });
  await database.query("select mcpist.approve_tool($1, $2, $3, $4)", [row.module, row.tool, row.seen, actor]);
}

/**
 * Of tools that wait, the one with this pin.
 * @param pin 16 hex digits of it or more @throws {McpistError} when no tool has it: what was read is not what is there now.
 */
export function havePin(waiting: readonly ToolRow[], pin: string): readonly ToolRow[] {
  const found = /^[0-9a-f]{16,64}$/.test(pin) ? waiting.filter(({ seen }) => seen?.startsWith(pin) === true) : [];
  if (found.length > 0) return found;
  throw new McpistError("ERR_REFUSED", "no tool that waits has this pin: it is not what was read", {
    hint: HINTS.tools(),
  });
}

/**
 * The tools that a person names.
 * @throws {McpistError} when there is no such module or tool; names the nearest thing to do, never what was typed.
 */
export async function findTools(database: OwnerDatabase, module: string, tool?: string): Promise<readonly ToolRow[]> {
  const rows = (await listTools(database, module)).filter((row) => tool === undefined || row.tool === tool);
  if (rows.length > 0) return rows;
  throw new McpistError(
    "ERR_USAGE",
    tool === undefined ? "no origin has seen a module of this name" : "the module has no tool of this name",
    { hint: HINTS.tools() },
  );
}

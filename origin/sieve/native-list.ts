/**
 * `tools/list` of one user in the native presentation: exactly what the user may call, in pages. Order, size and borders of pages follow
 * from these tools alone, and so does what a cursor leads to, whoever made it up. Pure.
 */
import { err, ok, type Result } from "../../contract/result.ts";
import type { RegisteredTool, Registry } from "../modules/registry.ts";
import { describe, type ToolDescription } from "./meta-tools.ts";
import type { Permissions } from "./permissions.ts";
import { nativeTools, type NativeTool } from "./native-names.ts";

/** Tools of one page; clients that read only the first one still see as many as hosts take. */
const PAGE_TOOLS = 200;
/** A page ends before it gets larger, but for a single tool. Unit: UTF-16 code units of its JSON. */
const PAGE_LENGTH = 1024 * 1024;
/** What servers say to models, all together. Unit: UTF-16 code units. */
const MAX_INSTRUCTIONS = 32 * 1024;
/** A name that stands before every other. */
const BEGINNING = "";

/** One tool as clients see it. */
export interface NativeDescription extends ToolDescription {
  readonly title?: string;
  readonly outputSchema?: unknown;
}

/** One page. */
export interface NativePage {
  readonly tools: readonly NativeDescription[];
  readonly nextCursor?: string;
}

interface Described {
  readonly value: NativeDescription;
  readonly length: number;
}
const described = new WeakMap<RegisteredTool, Described>();

function describeNatively({ name, tool }: NativeTool): Described {
  const found = described.get(tool);
  if (found) return found;
  const { title, outputSchema, annotations } = tool.shown?.() ?? {};
  const own = describe(tool);
  const value: NativeDescription = {
    ...own,
    name,
    ...(title === undefined ? {} : { title }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
    // What a server says of itself is shown; what a tool does is said by the operator.
    annotations: { ...annotations, ...own.annotations },
  };
  const answer = { value, length: JSON.stringify(value).length };
  described.set(tool, answer);
  return answer;
}

const cursorOf = (name: string): string => Buffer.from(name, "utf8").toString("base64url");

/** The name after which a page begins. */
function nameIn(cursor: string | undefined): Result<string, "cursor"> {
  if (cursor === undefined) return ok(BEGINNING);
  const name = Buffer.from(cursor, "base64url").toString("utf8");
  return /^[A-Za-z0-9_-]{1,64}$/.test(name) && cursorOf(name) === cursor ? ok(name) : err("cursor");
}

/** One page. @returns an error for a cursor that no page ever had. */
export function nativePage(permissions: Permissions, cursor: string | undefined): Result<NativePage, "cursor"> {
  const after = nameIn(cursor);
  if (!after.ok) return after;
  const tools: NativeDescription[] = [];
  let length = 0;
  for (const tool of nativeTools(permissions).values()) {
    if (tool.name <= after.value) continue;
    const { value, length: more } = describeNatively(tool);
    const last = tools.at(-1);
    if (last && (tools.length === PAGE_TOOLS || length + more > PAGE_LENGTH))
      return ok({ tools, nextCursor: cursorOf(last.name) });
    tools.push(value);
    length += more;
  }
  return ok({ tools });
}

/** What the servers of the user's tools say to models, each under its name; part of the tools' pins. */
export function nativeInstructions(registry: Registry, { allowed }: Permissions): string {
  const texts = [...allowed.keys()].toSorted().flatMap((module) => {
    const text = registry.get(module)?.instructions() ?? "";
    return text === "" ? [] : [`${module}: ${text}`];
  });
  return texts.join("\n\n").slice(0, MAX_INSTRUCTIONS);
}

/**
 * The two tools that every client sees. Their schemas are converted once and not for every request, because the SDK builds a
 * server per request. `tools/list` is the same for everyone; what a user may do is only told by `get_module_schema`.
 */
import { z } from "zod";
import type { RegisteredTool } from "../modules/registry.ts";

/** A schema as the SDK takes it, with its JSON Schema already made. */
function prepared<Schema extends z.ZodObject>(schema: Schema): Schema {
  const standard = schema["~standard"];
  const json = z.toJSONSchema(schema, { io: "input" });
  return { "~standard": { ...standard, jsonSchema: { input: () => json, output: () => json } } } as unknown as Schema;
}

/** `get_module_schema`: without a module the list of modules, with one its tools. */
export const getModuleSchema = {
  name: "get_module_schema",
  description:
    "Lists the modules that you may use or, given a module, its tools with their parameter schemas. Call this before `call`.",
  input: prepared(
    z.object({ module: z.string().optional().describe("Name of a module; leave it out to list modules") }),
  ),
  annotations: { readOnlyHint: true, idempotentHint: true, destructiveHint: false, openWorldHint: false },
} as const;

/** `call`: runs one tool. Only the two names are mirrored into headers; parameters never are. */
export const call = {
  name: "call",
  description: "Runs a tool of a module. `params` must match the schema that get_module_schema shows.",
  input: prepared(
    z.object({
      module: z.string().meta({ "x-mcp-header": "Module" }).describe("Name of the module"),
      tool: z.string().meta({ "x-mcp-header": "Tool" }).describe("Name of the tool"),
      params: z.record(z.string(), z.unknown()).default({}).describe("Parameters of the tool"),
    }),
  ),
  annotations: { readOnlyHint: false, idempotentHint: false, destructiveHint: true, openWorldHint: true },
} as const;

/** How one tool is shown in `get_module_schema`. */
export interface ToolDescription {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: unknown;
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly idempotentHint: boolean;
    readonly destructiveHint: boolean;
  };
}

const described = new WeakMap<RegisteredTool, ToolDescription>();

/** Converts a tool's schema on first use and keeps it. */
export function describe(tool: RegisteredTool): ToolDescription {
  let description = described.get(tool);
  if (!description) {
    description = {
      name: tool.name,
      description: tool.description,
      inputSchema: tool.inputSchema(),
      annotations: { readOnlyHint: tool.readOnly, idempotentHint: tool.idempotent, destructiveHint: tool.destructive },
    };
    described.set(tool, description);
  }
  return description;
}

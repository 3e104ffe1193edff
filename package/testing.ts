/**
 * What a project gets as `mcpist/testing`: a tool called as an origin calls it, without a process; and the whole local cloud, for a test
 * that goes through gateway and origins.
 */
import { randomUUID } from "node:crypto";
import { ToolError, type Module, type ToolContext } from "../origin/public.ts";

export { startCloud, type CloudOptions, type TestCloud } from "./test-cloud.ts";

/** A user of the sandbox. */
const USER = "00000000-0000-4000-8000-000000000001";

const contextOf = (given: Partial<ToolContext>): ToolContext => ({
  signal: new AbortController().signal,
  now: () => new Date(),
  requestId: randomUUID(),
  userId: USER,
  progress: null,
  traceparent: null,
  token: () => Promise.reject(new ToolError("Connect your account for this module first.")),
  ...given,
});

/**
 * Calls a tool as an origin does: parameters are held against its schema, defaults are filled in.
 * @param context what the tool is given beside its parameters; without `token` no account is connected
 * @throws {TypeError} when there is no such tool; {Error} with the schema's sentences; whatever the tool throws.
 */
export async function callTool(
  module: Module,
  name: string,
  params: unknown = {},
  context: Partial<ToolContext> = {},
): Promise<unknown> {
  const tool = module.tools.find((candidate) => candidate.name === name);
  if (!tool) throw new TypeError(`module ${module.name} has no tool "${name}"`);
  const read = tool.input.safeParse(params);
  if (read.success) return tool.run(read.data, contextOf(context));
  const issues = read.error.issues.map(({ path, message }) => `${path.join(".") || "params"}: ${message}`);
  throw new Error(issues.join("; "));
}

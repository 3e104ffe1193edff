/** A tool call as a client of the gateway makes it. Pure. */
import type { Presentation } from "../contract/presentation.ts";
import { nativeName } from "../origin/sieve/native-names.ts";

/** `params` of `tools/call`. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** The call that reaches a module's tool, as clients meet it. @throws {TypeError} for a module that cannot be presented natively */
export function toolCall(
  presentation: Presentation,
  module: string,
  tool: string,
  params: Readonly<Record<string, unknown>>,
): ToolCall {
  if (presentation === "meta") return { name: "call", arguments: { module, tool, params } };
  const name = nativeName(module, tool);
  if (name === null) throw new TypeError(`module "${module}" has no name that a client could call natively`);
  return { name, arguments: params };
}

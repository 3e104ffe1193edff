/** What a caller is told when a tool is not for them: one constant, the same whether the tool is hidden, revoked, a decoy or nothing. */
import { isRecord } from "../../contract/json.ts";

import type { ToolResult } from "../modules/module.ts";

const failure = (text: string): ToolResult => ({ content: [{ type: "text", text }], isError: true });

/** Layer 2 of the sieve. Echoes neither module nor tool. */
export const refusal = (): ToolResult => failure("This module or tool does not exist or is not available to you.");
/** Something went wrong inside; the cause is in the log under the request id. */
export const callFailed = (requestId: string): ToolResult => failure(`The tool failed. Request ${requestId}.`);
/** A text that a module wrote for the caller. */
export const explained = (text: string): ToolResult => failure(text);

/** A successful result: JSON for models that read text, and the same as structured content when it is an object. */
export function success(value: unknown): ToolResult {
  const content = [{ type: "text", text: JSON.stringify(value ?? null) }] as const;
  return isRecord(value) ? { content, structuredContent: value } : { content };
}

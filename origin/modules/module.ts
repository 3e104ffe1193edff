/**
 * The contract of a module: a name, its tools, and for each tool a schema, honest annotations and one function.
 * A module gets everything it may touch through {@link ToolContext}; it has no clock, no fetch and no secret of its own.
 */
import type { z } from "zod";
import type { Secret } from "./secret.ts";

/** One piece of a result: text, image, audio, resource or link, as MCP describes them. */
export interface ContentBlock {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** A tool result as the SDK takes it. */
export interface ToolResult {
  readonly content: readonly ContentBlock[];
  readonly structuredContent?: Readonly<Record<string, unknown>> | undefined;
  readonly isError?: boolean | undefined;
}

/** How far a call is, in units of the tool's own. */
export interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** What a tool may use while it runs. */
export interface ToolContext {
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /** The wall clock. */
  readonly now: () => Date;
  /** UUIDv7 of the client request, for tracing. */
  readonly requestId: string;
  /** UUID of the calling user. */
  readonly userId: string;
  /** Tells the client how far the call is; null when it did not ask. Never throws. */
  readonly progress: ((progress: Progress) => void) | null;
  /** W3C trace context of the caller, when it sent one. */
  readonly traceparent: string | null;
  /**
   * A short-lived access token of the calling user for this module's provider, from the token broker. `rejected`: a token that the
   * provider has just refused; it is refreshed, or the same one comes back when there is no other.
   * @throws {@link ToolError} when the user has not connected an account or the broker does not answer.
   */
  readonly token: (rejected?: Secret) => Promise<Secret>;
}

/** One tool. `run` gets parameters that passed `input`, and returns what is sent to the model as JSON. */
export interface Tool<Input extends z.ZodObject = z.ZodObject> {
  /** 1 to 64 characters of `A-Za-z0-9_.-`. */
  readonly name: string;
  readonly description: string;
  readonly input: Input;
  /** Changes nothing anywhere: needs no claim, may be retried freely. */
  readonly readOnly: boolean;
  /** Running it twice with the same parameters is the same as once. */
  readonly idempotent: boolean;
  /** May delete or overwrite. */
  readonly destructive: boolean;
  /** @throws {@link ToolError} for what the caller may read; anything else becomes a constant text. */
  readonly run: (input: z.output<Input>, context: ToolContext) => Promise<unknown>;
}

/** One module. */
export interface Module {
  /** 1 to 64 characters of `A-Za-z0-9_.-`. */
  readonly name: string;
  readonly description: string;
  /** Its tools talk to other machines: answers are streamed, so that a slow upstream does not look like a dead origin. */
  readonly network: boolean;
  /**
   * OAuth scopes that its tools need at the provider, each by the provider's own name; empty = none, or a provider without scopes. An
   * account whose scopes are known and lack one of these is told to connect again.
   */
  readonly scopes: readonly string[];
  readonly tools: readonly Tool[];
}

/** A failure whose text may be shown to the caller: written by us, never an upstream's words. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}

/** The call may have had its effect, and nobody will ever know: it is not repeated, and its claim is not finished. */
export class OutcomeUnknownError extends ToolError {
  constructor() {
    super("The server ended or fell silent before it answered: the call may have been executed. It is not repeated.");
  }
}

/** A result that is passed on as it is, with content of every type. */
export class WholeResult {
  readonly result: ToolResult;
  constructor(result: ToolResult) {
    this.result = result;
  }
}

/** Gives a tool the type of its own schema, then forgets it, so that tools fit into one list. */
export function tool<Input extends z.ZodObject>(definition: Tool<Input>): Tool {
  return definition;
}

/** Every way the command can fail, with its exit code. Texts never hold a secret value or what a person typed by mistake. */

/** Exit codes, as documented in `mcpist --help`. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  unauthorised: 4,
  partial: 5,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Closed union of error codes and their default exit code. */
const CODES = {
  ERR_USAGE: EXIT.usage,
  ERR_CONFIG: EXIT.usage,
  ERR_TOKEN_MISSING: EXIT.usage,
  ERR_PEER_MISSING: EXIT.usage,
  ERR_SECRET_SHAPE: EXIT.usage,
  ERR_UNAUTHORISED: EXIT.unauthorised,
  ERR_NOT_FOUND: EXIT.failed,
  ERR_UNREACHABLE: EXIT.failed,
  ERR_RATE_LIMITED: EXIT.failed,
  ERR_VENDOR: EXIT.failed,
  ERR_TIMEOUT: EXIT.failed,
  ERR_PORT_IN_USE: EXIT.failed,
  ERR_DEMO: EXIT.failed,
  ERR_CHILD: EXIT.failed,
  ERR_LOCKED: EXIT.refused,
  ERR_LOCK_LOST: EXIT.partial,
  ERR_PHASE: EXIT.refused,
  ERR_DRIFT: EXIT.refused,
  ERR_MISMATCH: EXIT.refused,
  ERR_REFUSED: EXIT.refused,
  ERR_PARTIAL: EXIT.partial,
  ERR_NOT_DEAD: EXIT.partial,
  ERR_INTERRUPTED: EXIT.interrupted,
} as const satisfies Record<string, ExitCode>;
export type ErrorCode = keyof typeof CODES;

/** The one error class of the command line. `hint` is one command or one sentence that says what to do next. */
export class McpistError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;
  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string | undefined; exitCode?: ExitCode; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "McpistError";
    this.code = code;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? CODES[code];
  }
}

/** Same error, other exit code: what was "failed" before the first write is "partly applied" after it. */
export function withExitCode(error: unknown, exitCode: ExitCode): McpistError {
  if (error instanceof McpistError) {
    return new McpistError(error.code, error.message, { hint: error.hint, exitCode, cause: error.cause });
  }
  return new McpistError("ERR_VENDOR", "unexpected error", { exitCode, cause: error });
}

/** Every thrown thing as one of ours. */
export function toMcpistError(context: { readonly signal: AbortSignal }, error: unknown): McpistError {
  if (context.signal.aborted) {
    const partial = error instanceof McpistError && error.exitCode === EXIT.interrupted ? error : undefined;
    return (
      partial ?? new McpistError("ERR_INTERRUPTED", "interrupted", { hint: "running the same command again is safe" })
    );
  }
  if (error instanceof McpistError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return new McpistError("ERR_VENDOR", `unexpected ${name}`, {
    hint: "run it again with --debug and report what it prints",
    cause: error,
  });
}

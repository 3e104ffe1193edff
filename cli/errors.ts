/** Every way the command can fail, with its exit code. Texts never hold a secret value or what a person typed by mistake. */

import { HINTS } from "./hints/hints.ts";
import type { Hint } from "./hints/hint.ts";

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

/** Every error code with its default exit code. */
export const CODES = {
  ERR_USAGE: EXIT.usage,
  ERR_CONFIG: EXIT.usage,
  ERR_TOKEN_MISSING: EXIT.usage,
  ERR_TOKEN_SHAPE: EXIT.usage,
  ERR_PEER_MISSING: EXIT.usage,
  ERR_SECRET_SHAPE: EXIT.usage,
  ERR_UNAUTHORISED: EXIT.unauthorised,
  ERR_NOT_FOUND: EXIT.failed,
  ERR_UNREACHABLE: EXIT.failed,
  ERR_RATE_LIMITED: EXIT.failed,
  ERR_VENDOR: EXIT.failed,
  ERR_TIMEOUT: EXIT.failed,
  /** This machine is at fault: its disk, its memory, its descriptors. */
  ERR_MACHINE: EXIT.failed,
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

/** The one error class of the command line. */
export class McpistError extends Error {
  readonly code: ErrorCode;
  /** What to do next: an entry of the registry. */
  readonly advice: Hint | undefined;
  readonly exitCode: ExitCode;
  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: Hint | undefined; exitCode?: ExitCode; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "McpistError";
    this.code = code;
    this.advice = options.hint;
    this.exitCode = options.exitCode ?? CODES[code];
  }

  /** The advice without the environment that its commands work on. */
  get hint(): string | undefined {
    return this.advice?.text();
  }
}

/** Same error, other exit code: what was "failed" before the first write is "partly applied" after it. */
export function withExitCode(error: unknown, exitCode: ExitCode): McpistError {
  if (error instanceof McpistError) {
    return new McpistError(error.code, error.message, { hint: error.advice, exitCode, cause: error.cause });
  }
  return new McpistError("ERR_VENDOR", "unexpected error", { hint: HINTS.bug(), exitCode, cause: error });
}

/** Faults of the machine that runs the command. They come up inside a call to a platform, and are not the platform's. */
const FAULTS: Readonly<Record<string, readonly [message: string, hint: Hint]>> = {
  EMFILE: ["this process has too few file descriptors", HINTS.fewDescriptors()],
  ENFILE: ["this machine has no file descriptor left", HINTS.noDescriptors()],
  ENOSPC: ["a disk of this machine is full", HINTS.fullDisk()],
  EDQUOT: ["your disk quota on this machine is used up", HINTS.fullQuota()],
  EROFS: ["the folder for temporary files is read-only", HINTS.readOnly()],
  ENOMEM: ["this machine has no memory left", HINTS.noMemory()],
};

/** Code of the first error in `error`, its causes and its parts that {@link FAULTS} knows. */
function codeOf(error: unknown, depth = 0): string | null {
  if (!(error instanceof Error) || depth > 8) return null;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (Object.hasOwn(FAULTS, code)) return code;
  const inner = [error.cause, ...(error instanceof AggregateError ? (error.errors as unknown[]) : [])];
  for (const part of inner) {
    const found = codeOf(part, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** @returns the fault with what to do about it; null when `error` is about something else. */
export function machineFault(error: unknown): McpistError | null {
  if (error instanceof McpistError) return error.code === "ERR_MACHINE" ? error : null;
  const code = codeOf(error);
  const [message, hint] = FAULTS[code ?? ""] ?? [];
  return message === undefined ? null : new McpistError("ERR_MACHINE", `${message} (${code})`, { hint, cause: error });
}

/** What is wrong with a file or a folder, by the system's code. */
const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "is not there",
  EACCES: "is not yours to use",
  EPERM: "is not yours to change",
  EISDIR: "is a folder",
  ENOTDIR: "needs a folder where a file is",
  EEXIST: "is there already",
  ENOTEMPTY: "is not empty",
  ELOOP: "is a link in a circle",
  ENAMETOOLONG: "has too long a name",
  ETXTBSY: "is in use",
};

/** A file that could not be used, by its name; null when `error` is about something else, as a program that was to be started. */
function fileFault(error: unknown): McpistError | null {
  const { code = "", path, syscall = "" } = error as Partial<NodeJS.ErrnoException>;
  if (!Object.hasOwn(FILE_FAULTS, code) || path === undefined || syscall.startsWith("spawn")) return null;
  return new McpistError("ERR_MACHINE", `${path} ${FILE_FAULTS[code]} (${code})`, {
    hint: HINTS.usableFile(),
    cause: error,
  });
}

/** The same for what a child process printed. */
export function machineFaultIn(text: string): McpistError | null {
  const [, code] = new RegExp(String.raw`\b(${Object.keys(FAULTS).join("|")})\b`).exec(text) ?? [];
  return code === undefined ? null : machineFault(Object.assign(new Error(code), { code }));
}

/** Every thrown thing as one of ours. */
export function toMcpistError(context: { readonly signal: AbortSignal }, error: unknown): McpistError {
  if (context.signal.aborted) {
    const partial = error instanceof McpistError && error.exitCode === EXIT.interrupted ? error : undefined;
    return partial ?? new McpistError("ERR_INTERRUPTED", "interrupted", { hint: HINTS.interrupted() });
  }
  if (error instanceof McpistError) return error;
  const fault = machineFault(error) ?? (error instanceof Error ? fileFault(error) : null);
  if (fault) return fault;
  const name = error instanceof Error ? error.name : typeof error;
  return new McpistError("ERR_VENDOR", `unexpected ${name}`, {
    hint: HINTS.bug(),
    cause: error,
  });
}

/** Flags of `mcpist secrets rotate`, for the run and for its plan. */
import type { CommonFlags } from "../flags.ts";

/** Flags of the command. */
export interface RotateFlags extends CommonFlags {
  readonly init: boolean;
  readonly clean: boolean;
  readonly emergency?: "fast" | "now" | undefined;
  readonly dryRun: boolean;
  readonly stealLock?: string | undefined;
}

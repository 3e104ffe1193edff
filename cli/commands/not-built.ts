/** Answers for commands that are planned and named in the help, but not built yet: a clear error, never a fake success. */
import { McpistError } from "../errors.ts";

/** A command that says that it is not built. */
export const notBuilt = (name: string, instead: string) => (): Promise<never> =>
  Promise.reject(new McpistError("ERR_NOT_BUILT", `mcpist ${name} is not built yet`, { hint: instead }));

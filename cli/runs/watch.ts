/** A look that is repeated until Ctrl-C; only what changed is printed. */
import type { Context } from "../context.ts";
import { EXIT, McpistError } from "../errors.ts";

/** Between two looks. Unit: milliseconds. */
const EVERY_MS = 10_000;

/**
 * Shows again and again what `show` writes to standard output, with the time, where it differs from the last time. A look that fails is
 * said, and is not the end; one that can never succeed is.
 * @throws {McpistError} of bad usage or configuration
 */
export async function watchChanges(context: Context, show: (context: Context) => Promise<unknown>): Promise<void> {
  let shown = "";
  while (!context.signal.aborted) {
    let text = "";
    const stdout = { write: (part: string) => (text += part), isTTY: context.stdout.isTTY };
    try {
      await show({ ...context, stdout });
    } catch (error) {
      if (context.signal.aborted) return;
      if (!(error instanceof McpistError) || error.exitCode === EXIT.usage) throw error;
      text = `cannot be seen: ${error.message}\n`;
    }
    if (text !== shown) context.stdout.write(`${context.now().toISOString()}  ${text}\n`);
    shown = text;
    await context.sleep(EVERY_MS).catch(() => undefined);
  }
}

/** Cloudflare's list of a Worker's deployments, read by one run again and again: it may lag, and it never goes back. */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { pauseMs } from "../waits.ts";
import type { Deployment } from "./types.ts";

/** A list that shows what was, shows what is within this time. Unit: milliseconds. */
const BEHIND_MS = 15_000;

/**
 * @param read one reading, newest first.
 * @returns a reading that is not older than one that this run has had before: the edge that answers may be behind the one before it.
 * @throws {McpistError} ERR_VENDOR when it stays behind.
 */
export function deploymentList(
  context: Pick<Context, "monotonic" | "sleep" | "waits">,
  read: () => Promise<readonly Deployment[]>,
): () => Promise<readonly Deployment[]> {
  let newest: string | null = null;
  const known = new Set<string>();
  /** Whoever deploys, a rollback too, makes a deployment with a new id: one that was overtaken is never the newest again. */
  const isBehind = ([first]: readonly Deployment[]): boolean =>
    newest !== null && (first === undefined || (first.id !== newest && known.has(first.id)));
  return async () => {
    for (const began = context.monotonic(); ;) {
      const list = await read();
      if (!isBehind(list)) {
        for (const { id } of list) known.add(id);
        newest = list[0]?.id ?? newest;
        return list;
      }
      const since = context.monotonic() - began;
      if (since > BEHIND_MS)
        throw new McpistError("ERR_VENDOR", "Cloudflare shows older deployments of the Worker than it did before", {
          hint: HINTS.vendorFault("Cloudflare"),
        });
      await context.waits.during("Cloudflare: its list to show the deployments that it has shown before", () =>
        context.sleep(pauseMs(since)),
      );
    }
  };
}

/** Addresses that cannot answer, however long they are waited for. */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { proxyAdvice } from "../proxy.ts";
import { causeCode, isUntrusted } from "../trust.ts";

/** @param error of a call to `url`. @returns what is wrong for good; null = it may answer in a moment. */
export function hopeless({ env }: Pick<Context, "env">, url: string, error: unknown): McpistError | null {
  const { host, hostname } = new URL(url);
  const fails = (message: string) =>
    new McpistError("ERR_UNREACHABLE", message, { hint: HINTS.network(host, proxyAdvice(env)), cause: error });
  // What DNS cannot tell at the moment is EAI_AGAIN.
  if (causeCode(error) === "ENOTFOUND") return fails(`DNS knows no ${hostname}`);
  if (isUntrusted(error))
    return fails(`the certificate of ${hostname} is of an authority that Node does not know (${causeCode(error)})`);
  return null;
}

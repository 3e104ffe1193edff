/** What a `long` call asks. */
import { createServer } from "node:http";
import { listenServer } from "../vendors/vendor.ts";

/** A host that takes its time, for calls that are under way while origins are replaced. */
export async function startSlowHost(delayMs: number): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((_request, response) => {
    setTimeout(() => response.writeHead(204).end(), delayMs).unref();
  });
  return listenServer(server, 0);
}

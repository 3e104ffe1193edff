/** A server of a test on this machine alone. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that listens. */
export interface Listening {
  /** Without a slash at its end. */
  readonly url: string;
  /** Ends its connections, too. */
  close(): Promise<void>;
}

/** Listens on a free port of loopback. */
export async function onLoopback(server: Server): Promise<Listening> {
  // Longer than any client keeps an idle connection: a closing that meets a request is nobody's answer.
  server.keepAliveTimeout = 65_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

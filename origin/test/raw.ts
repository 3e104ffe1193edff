/** HTTP as bytes on a socket, for requests that no client would send. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** This ends what never comes. Unit: milliseconds. */
const PATIENCE_MS = 60_000;
/** The head of an answer, of a connection that stays open. */
export const HEAD = /\r\n\r\n/;

/** Sends bytes and returns everything that comes back until the origin closes the connection, or until what came matches `enough`. */
export async function raw(
  port: number,
  bytes: string,
  enough?: RegExp,
): Promise<{ readonly text: string; readonly closed: boolean }> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  const come = Promise.withResolvers<false>();
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    if (enough?.test(text)) come.resolve(false);
  });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(bytes, "latin1");
  const closed = await Promise.race([
    once(socket, "close").then(() => true),
    come.promise,
    sleep(PATIENCE_MS, false as const, { ref: false }),
  ]);
  socket.destroy();
  return { text, closed };
}

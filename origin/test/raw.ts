/** HTTP as bytes on a socket, for requests that no client would send. */
import { once } from "node:events";
import { connect } from "node:net";

/** Sends bytes and returns everything that comes back until the origin closes the connection or `ms` pass. */
export async function raw(
  port: number,
  bytes: string,
  ms = 1_000,
): Promise<{ readonly text: string; readonly closed: boolean }> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(bytes, "latin1");
  const closed = await Promise.race([
    once(socket, "close").then(() => true),
    new Promise<false>((done) => setTimeout(done, ms, false)),
  ]);
  socket.destroy();
  return { text, closed };
}

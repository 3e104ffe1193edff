/** A closed loop over keep-alive connections: each sends its next request when the last one is answered. Measures, judges nothing. */
import { connect, type Socket } from "node:net";

/** What one run saw. Latencies in microseconds, sorted. */
export interface Sample {
  readonly latencies: readonly number[];
  readonly seconds: number;
  /** Answers that were not 200. */
  readonly refused: number;
}

const HEAD_END = Buffer.from("\r\n\r\n");

/** Bytes of the first whole answer in `buffer`; 0 while it is incomplete. */
function answerLength(buffer: Buffer): number {
  const end = buffer.indexOf(HEAD_END);
  if (end < 0) return 0;
  const head = buffer.toString("latin1", 0, end + 2).toLowerCase();
  const at = head.indexOf("\r\ncontent-length:");
  if (at >= 0) {
    const total = end + 4 + Number.parseInt(head.slice(at + "\r\ncontent-length:".length), 10);
    return buffer.length >= total ? total : 0;
  }
  const last = buffer.indexOf("\r\n0\r\n\r\n", end + 2);
  return last < 0 ? 0 : last + "\r\n0\r\n\r\n".length;
}

/** @param requests whole requests, taken in turn @param ms how long to run @param once ends when every request was sent, too */
export async function load(
  port: number,
  connections: number,
  requests: readonly Buffer[],
  ms: number,
  once = false,
): Promise<Sample> {
  const latencies: number[] = [];
  let refused = 0;
  let next = 0;
  const start = performance.now();
  const drive = (socket: Socket): Promise<void> =>
    new Promise((resolve, reject) => {
      let sent = 0;
      let pending: Buffer = Buffer.alloc(0);
      const send = (): void => {
        const request = requests[next++ % requests.length];
        sent = performance.now();
        socket.write(request ?? Buffer.alloc(0));
      };
      socket.on("data", (chunk) => {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
        const length = answerLength(pending);
        if (length === 0) return;
        const now = performance.now();
        latencies.push((now - sent) * 1000);
        if (pending.toString("latin1", 9, 12) !== "200") refused++;
        pending = pending.subarray(length);
        if (now - start < ms && !(once && next >= requests.length)) send();
        else {
          socket.removeAllListeners("close");
          socket.destroy();
          resolve();
        }
      });
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("the proxy closed a connection under load")));
      send();
    });
  const sockets = await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(port, "127.0.0.1", () => resolve(socket));
          socket.setNoDelay(true);
          socket.once("error", reject);
        }),
    ),
  );
  await Promise.all(sockets.map(drive));
  const seconds = (performance.now() - start) / 1000;
  return { latencies: latencies.toSorted((a, b) => a - b), seconds, refused };
}

/** Connections to a peer that closes idle ones. */
import { Agent } from "node:http";
import type { Duplex } from "node:stream";

/**
 * Reuses no connection that has been idle for so long that its peer may be closing it. What counts is the clock: on a machine that
 * stands still, the timers that would close it come after the request that meets the closing.
 */
export class FreshAgent extends Agent {
  readonly #idleMs: number;
  readonly #idleSince = new WeakMap<Duplex, number>();

  /** @param idleMs longest idle time of a connection; well under the peer's. Unit: milliseconds */
  constructor(idleMs: number) {
    super({ keepAlive: true, timeout: idleMs });
    this.#idleMs = idleMs;
  }

  override keepSocketAlive(socket: Duplex): void {
    this.#idleSince.set(socket, performance.now());
    return super.keepSocketAlive(socket);
  }

  /** Closes what has been idle for too long. @returns this, for the request that is made next */
  fresh(): this {
    const oldest = performance.now() - this.#idleMs;
    for (const sockets of Object.values(this.freeSockets))
      for (const socket of sockets ?? []) if ((this.#idleSince.get(socket) ?? 0) < oldest) socket.destroy();
    return this;
  }
}

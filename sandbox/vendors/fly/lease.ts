/** The lease of a Machine: a real lock. Whoever does not hold it changes nothing while somebody does. */
import { randomBytes } from "node:crypto";

/** Who holds leases that are taken with the sandbox's token. */
export const LEASE_OWNER = "sandbox@mcpist.invalid";

/** An operation that the Machine's state or lease does not allow; `status` is the HTTP status of the answer. */
export class MachineConflict extends Error {
  readonly status: 409 | 412;
  constructor(status: MachineConflict["status"], message: string) {
    super(message);
    this.status = status;
  }
}

export interface Held {
  /** 12 hex characters. */
  readonly nonce: string;
  readonly description: string;
  /** Version id of the Machine when the lease was taken. */
  readonly version: string;
  readonly expiresAt: Date;
}

export class Lease {
  readonly #machineId: string;
  #held: Held | null = null;

  constructor(machineId: string) {
    this.#machineId = machineId;
  }

  /** The lease in force; null when nobody holds it or its time is over. */
  current(): Held | null {
    if (this.#held && this.#held.expiresAt.getTime() <= Date.now()) this.#held = null;
    return this.#held;
  }

  /** Takes the lease, or renews it for the holder. @throws {MachineConflict} 409 when somebody else holds it, or `nonce` holds nothing. */
  acquire(input: {
    readonly ttlSeconds: number;
    readonly description: string;
    readonly version: string;
    readonly nonce: string | undefined;
  }): Held {
    const held = this.current();
    if (held && held.nonce !== input.nonce)
      throw new MachineConflict(409, `failed to acquire lease: lease currently held by ${LEASE_OWNER}`);
    if (!held && input.nonce !== undefined)
      throw new MachineConflict(409, "failed to refresh lease: no lease with this nonce");
    const { description, version } = held ?? input;
    const expiresAt = new Date(Date.now() + input.ttlSeconds * 1000);
    this.#held = { nonce: held?.nonce ?? randomBytes(6).toString("hex"), description, version, expiresAt };
    return this.#held;
  }

  /** @throws {MachineConflict} 409 when `nonce` does not hold it. */
  release(nonce: string | undefined): void {
    if (nonce === undefined || this.current()?.nonce !== nonce)
      throw new MachineConflict(409, "failed to release lease: lease nonce does not match");
    this.#held = null;
  }

  /** A change is allowed when nobody holds the lease and no nonce was sent, or when the nonce is the holder's. @throws {MachineConflict} 409 */
  check(nonce: string | undefined): void {
    const held = this.current();
    if (held && held.nonce !== nonce)
      throw new MachineConflict(409, `machine ${this.#machineId}: lease currently held by ${LEASE_OWNER}`);
    if (!held && nonce !== undefined)
      throw new MachineConflict(409, `machine ${this.#machineId}: no lease with this nonce`);
  }
}

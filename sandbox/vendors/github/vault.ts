/**
 * Secrets and variables of one repository or environment: an X25519 pair of its own, sealed boxes that are really opened
 * (libsodium, not the implementation that seals them), and an `updated_at` that becomes visible late.
 * Values stay in memory and leave only through {@link Vault.reveal}, which no route calls.
 */
import sodium from "libsodium-wrappers";

/** Must have settled before the first {@link Vault} is made. */
export const vaultReady = (): Promise<void> => sodium.ready;

/** Longest secret. Unit: bytes. https://docs.github.com/actions/reference/limits */
const MAX_SECRET_BYTES = 48 * 1024;
/** Most secrets of one repository, and of one environment. */
export const MAX_SECRETS = 100;
const NAME = /^[A-Z_][A-Z0-9_]*$/;

/** What a list shows of a secret. Unit: milliseconds since the epoch. */
export interface SecretEntry {
  readonly name: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}
/** A variable, readable by design. Unit: milliseconds since the epoch. */
export interface Variable extends SecretEntry {
  readonly value: string;
}
interface Stored {
  readonly name: string;
  readonly createdAt: number;
  value: string;
  /** The newest `updated_at` that readers see, and the one that is still on its way. */
  shownAt: number;
  written: { readonly at: number; readonly visibleFrom: number };
}

/** What became of a write. `key`: not the current key id; `box`: cannot be opened; `name`, `size`, `full`: GitHub's own limits. */
export type WriteOutcome = "created" | "updated" | "key" | "box" | "name" | "size" | "full";

/** @returns the name as GitHub stores it, in upper case, or null when GitHub refuses it. */
export function secretName(name: string): string | null {
  const upper = name.toUpperCase();
  return NAME.test(upper) && !upper.startsWith("GITHUB_") ? upper : null;
}

/** Secrets and variables of one scope. */
export class Vault {
  readonly variables = new Map<string, Variable>();
  readonly #secrets = new Map<string, Stored>();
  readonly #lagMs: () => number;
  #pair = sodium.crypto_box_keypair();
  #keyId = "";

  /** @param lagMs how late `updated_at` shows. Unit: milliseconds. */
  constructor(lagMs: () => number) {
    this.#lagMs = lagMs;
    this.rotateKey();
  }

  /** A new key pair; boxes sealed for the old one are refused from now on. */
  rotateKey(): void {
    this.#pair = sodium.crypto_box_keypair();
    this.#keyId = String(568_250_167_242_549_743n + BigInt(sodium.randombytes_uniform(0x7f_ff_ff_ff)));
  }

  publicKey(): { readonly key_id: string; readonly key: string } {
    return { key_id: this.#keyId, key: sodium.to_base64(this.#pair.publicKey, sodium.base64_variants.ORIGINAL) };
  }

  /** Stores a sealed value. An empty value is stored, as GitHub does: refusing it is the writer's duty. */
  put(rawName: string, sealed: string, keyId: string): WriteOutcome {
    const name = secretName(rawName);
    if (name === null) return "name";
    if (keyId !== this.#keyId) return "key";
    const value = this.#open(sealed);
    if (value === null) return "box";
    if (Buffer.byteLength(value) > MAX_SECRET_BYTES) return "size";
    const now = Date.now();
    const written = { at: now, visibleFrom: now + this.#lagMs() };
    const old = this.#secrets.get(name);
    if (!old) {
      if (this.#secrets.size >= MAX_SECRETS) return "full";
      this.#secrets.set(name, { name, createdAt: now, value, shownAt: now, written: { at: now, visibleFrom: now } });
      return "created";
    }
    old.shownAt = this.#shown(old);
    old.value = value;
    old.written = written;
    return "updated";
  }

  delete(name: string): boolean {
    return this.#secrets.delete(name.toUpperCase());
  }

  get(name: string): SecretEntry | null {
    const stored = this.#secrets.get(name.toUpperCase());
    return stored ? { name: stored.name, createdAt: stored.createdAt, updatedAt: this.#shown(stored) } : null;
  }

  list(): readonly SecretEntry[] {
    return [...this.#secrets.values()]
      .map(({ name, createdAt, ...rest }) => ({
        name,
        createdAt,
        updatedAt: this.#shown({ name, createdAt, ...rest }),
      }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  /** For proofs in the same process only; the API never answers with a value. */
  reveal(name: string): string | undefined {
    return this.#secrets.get(name.toUpperCase())?.value;
  }

  #shown(stored: Stored): number {
    return Date.now() >= stored.written.visibleFrom ? stored.written.at : stored.shownAt;
  }

  #open(sealed: string): string | null {
    try {
      const box = sodium.from_base64(sealed, sodium.base64_variants.ORIGINAL);
      return new TextDecoder("utf-8", { fatal: true }).decode(
        sodium.crypto_box_seal_open(box, this.#pair.publicKey, this.#pair.privateKey),
      );
    } catch {
      return null;
    }
  }
}

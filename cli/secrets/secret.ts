/** The run's secret value. Bytes can be wiped, strings cannot: the text exists only while a request body is made from it. */
import { inspect } from "node:util";
import { kidOf, parseSecret, SECRET_BYTES } from "../../contract/gateway-secret.ts";
import type { Redactor } from "../redact.ts";

/** A gateway secret in memory. Prints as `[secret]` everywhere. */
export class Secret {
  readonly kid: string;
  readonly #bytes: Buffer;
  #wiped = false;

  private constructor(bytes: Buffer, kid: string) {
    this.#bytes = bytes;
    this.kid = kid;
  }

  /** Generates a value. A draw that the shape rules refuse (3 in 10^17) is drawn again. */
  static async generate(randomBytes: (count: number) => Buffer, redactor: Redactor): Promise<Secret> {
    for (;;) {
      const bytes = randomBytes(SECRET_BYTES);
      const text = bytes.toString("hex");
      if (!parseSecret(text).ok) continue;
      redactor.register(text);
      return new Secret(bytes, await kidOf(Uint8Array.from(bytes)));
    }
  }

  /** @returns null when `text` is not a usable secret. */
  static async parse(text: string, redactor: Redactor): Promise<Secret | null> {
    const parsed = parseSecret(text);
    if (!parsed.ok) return null;
    redactor.register(text);
    return new Secret(Buffer.from(parsed.value), await kidOf(parsed.value));
  }

  /** 64 lower-case hex characters. @throws {TypeError} after {@link Secret.wipe}. */
  reveal(): string {
    if (this.#wiped) throw new TypeError("this secret was wiped after its last use");
    return this.#bytes.toString("hex");
  }
  wipe(): void {
    this.#bytes.fill(0);
    this.#wiped = true;
  }
  get wiped(): boolean {
    return this.#wiped;
  }
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
  [inspect.custom](): string {
    return "[secret]";
  }
}

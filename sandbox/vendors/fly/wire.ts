/** What the parts of the Machines API share: errors as the vendor writes them, and bodies that are checked before use. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";

/** An answer of the vendor that is no success: `{"error": message[, "status": code]}`. */
export class FlyError extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string | undefined;
  constructor(status: ContentfulStatusCode, message: string, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @throws {FlyError} */
export function refuse(status: ContentfulStatusCode, message: string, code?: string): never {
  throw new FlyError(status, message, code);
}

/** The body of a request. @throws {FlyError} 400 when it is not JSON, 422 when it does not fit. */
export async function parseBody<T>(schema: z.ZodType<T>, c: Context): Promise<T> {
  const text = await c.req.text();
  let input: unknown;
  try {
    input = text === "" ? {} : JSON.parse(text);
  } catch {
    throw new FlyError(400, "invalid_argument: the body is not JSON");
  }
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FlyError(
    422,
    `invalid_argument: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
  );
}

/** Token buckets by key: `perSecond` calls on average, `burst` at once. */
export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** @returns false when the call comes too early. */
  take(key: string, perSecond: number, burst: number): boolean {
    const at = performance.now();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at };
    bucket.tokens = Math.min(burst, bucket.tokens + ((at - bucket.at) / 1000) * perSecond);
    bucket.at = at;
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}

/** How a stand-in provider speaks to a vendor: JSON over HTTP with a bearer token. Errors carry status and the vendor's sentence. */

/** A vendor refused. */
export class VendorError extends Error {
  override readonly name = "VendorError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A vendor's API at one base URL. */
export interface Api {
  /** @returns the parsed body; an empty object when there is none. @throws {VendorError} on any status of 400 or more. */
  (method: string, path: string, body?: object | FormData): Promise<Readonly<Record<string, unknown>>>;
  readonly base: string;
  readonly token: string;
}

/** Makes an {@link Api}. @param base without a trailing slash. */
export function api(base: string, token: string): Api {
  const call = async (method: string, path: string, body?: object | FormData) => {
    const isForm = body instanceof FormData;
    const response = await fetch(base + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        // A kept connection may be closed in the moment of its next use. Go's client repeats such a call; this one cannot.
        connection: "close",
        ...(body && !isForm ? { "content-type": "application/json" } : {}),
      },
      ...(body ? { body: isForm ? body : JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok)
      throw new VendorError(response.status, `${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
    return text.startsWith("{") ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : {};
  };
  return Object.assign(call, { base, token });
}

/** Runs a read. @returns null where the vendor says that there is nothing. */
export async function unlessGone<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof VendorError && error.status === 404) return null;
    throw error;
  }
}

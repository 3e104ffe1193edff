/** Bodies of answers, read up to a length: whoever answers may send more than anybody can hold. Works where there is `fetch`. */

/** The answer is longer than it may be. */
export class TooLongError extends Error {
  override readonly name = "TooLongError";
}

/**
 * Reads a body and no more than `longest` bytes of it.
 * @throws {TooLongError} once more has come; the rest is not taken. Whatever reading throws.
 */
export async function bytesWithin({ body }: Response, longest: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the rest.
  for await (const piece of body ?? []) {
    length += piece.length;
    if (length > longest) throw new TooLongError(`longer than ${longest} bytes`);
    pieces.push(piece);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Text in UTF-8, as `Response.text()` reads it. @throws as {@link bytesWithin}. */
export const textWithin = async (response: Response, longest: number): Promise<string> =>
  new TextDecoder().decode(await bytesWithin(response, longest));

/** @throws {SyntaxError} for what is no JSON; as {@link bytesWithin}. */
export const jsonWithin = async (response: Response, longest: number): Promise<unknown> =>
  JSON.parse(await textWithin(response, longest));

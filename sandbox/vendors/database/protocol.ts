/**
 * The parts of the PostgreSQL frontend/backend protocol that a multiplexer must understand. Pure: bytes in, bytes out.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

const PROTOCOL_3_0 = 196_608;
const CANCEL_REQUEST = 80_877_102;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
/** A first packet longer than this is no PostgreSQL client. Unit: bytes. */
const MAX_STARTUP_BYTES = 10_000;

/** First packet of a connection. `encryption` is to be answered with one byte `N`. */
export type Startup =
  | { readonly kind: "incomplete" | "encryption" | "cancel" | "unsupported" }
  | { readonly kind: "start"; readonly parameters: Readonly<Record<string, string>> };

/** Reads a first packet. @returns it, and how many bytes it took. */
export function readStartup(buffer: Buffer): { readonly startup: Startup; readonly length: number } {
  if (buffer.length < 8) return { startup: { kind: "incomplete" }, length: 0 };
  const length = buffer.readInt32BE(0);
  const code = buffer.readInt32BE(4);
  if (length < 8 || length > MAX_STARTUP_BYTES) return { startup: { kind: "unsupported" }, length: 0 };
  if (buffer.length < length) return { startup: { kind: "incomplete" }, length: 0 };
  if (code === SSL_REQUEST || code === GSS_REQUEST) return { startup: { kind: "encryption" }, length };
  if (code === CANCEL_REQUEST) return { startup: { kind: "cancel" }, length };
  if (code !== PROTOCOL_3_0) return { startup: { kind: "unsupported" }, length };
  const words = buffer.toString("utf8", 8, length).split("\0");
  const parameters: Record<string, string> = {};
  for (let i = 0; i + 1 < words.length && words[i] !== ""; i += 2) parameters[words[i] ?? ""] = words[i + 1] ?? "";
  return { startup: { kind: "start", parameters }, length };
}

/** Splits complete messages off `buffer`. @returns them, and the rest. */
export function splitMessages(buffer: Buffer): { readonly messages: readonly Buffer[]; readonly rest: Buffer } {
  const messages: Buffer[] = [];
  let at = 0;
  while (buffer.length - at >= 5) {
    const end = at + 1 + buffer.readInt32BE(at + 1);
    if (end > buffer.length) break;
    messages.push(buffer.subarray(at, end));
    at = end;
  }
  return { messages, rest: buffer.subarray(at) };
}

/** Type letter of a message. */
export const typeOf = (message: Buffer): string => String.fromCharCode(message[0] ?? 0);

/** One message: type letter, length, body. */
export function message(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** Everything that a server says before the first query. Trust authentication: the socket is on loopback. */
export function greeting(sessionId: number, serverVersion: string): Buffer {
  const status: Readonly<Record<string, string>> = {
    server_version: serverVersion,
    server_encoding: "UTF8",
    client_encoding: "UTF8",
    DateStyle: "ISO, MDY",
    IntervalStyle: "postgres",
    integer_datetimes: "on",
    standard_conforming_strings: "on",
    TimeZone: "GMT",
  };
  const parameters = Object.entries(status).map(([name, value]) => message("S", `${name}\0${value}\0`));
  return Buffer.concat([
    message("R", int32(0)),
    ...parameters,
    message("K", int32(sessionId), int32(0)),
    message("Z", "I"),
  ]);
}

/** An ErrorResponse that ends the connection. `code` is an SQLSTATE. */
export const fatal = (code: string, text: string): Buffer => message("E", `SFATAL\0VFATAL\0C${code}\0M${text}\0\0`);

/** State after the last ReadyForQuery in `output`: idle, in a transaction, in a failed one; null when there is none. */
export function transactionStatus(output: Buffer): "I" | "T" | "E" | null {
  const last = output.subarray(-6);
  if (last.length < 6 || last[0] !== 0x5a || last.readInt32BE(1) !== 5) return null;
  const status = String.fromCharCode(last[5] ?? 0);
  return status === "I" || status === "T" || status === "E" ? status : null;
}

/**
 * Gives named prepared statements of one session a prefix, because all sessions share one backend.
 * The unnamed statement stays unnamed. @returns the message, and the prefixed name when it is a Parse or a Close of one.
 */
export function scopeStatement(
  original: Buffer,
  prefix: string,
): { readonly message: Buffer; readonly parsed?: string; readonly closed?: string } {
  const type = typeOf(original);
  const body = original.subarray(5);
  const rename = (before: number): { readonly name: string; readonly bytes: Buffer } | null => {
    const end = body.indexOf(0, before);
    if (end <= before) return null;
    const name = prefix + body.toString("utf8", before, end);
    return { name, bytes: message(type, body.subarray(0, before), name, body.subarray(end)) };
  };
  if (type === "P") {
    const renamed = rename(0);
    return renamed ? { message: renamed.bytes, parsed: renamed.name } : { message: original };
  }
  if (type === "B") return { message: rename(body.indexOf(0) + 1)?.bytes ?? original };
  if ((type === "D" || type === "C") && body[0] === 0x53) {
    const renamed = rename(1);
    if (renamed) return { message: renamed.bytes, ...(type === "C" ? { closed: renamed.name } : {}) };
  }
  return { message: original };
}

/** The request body: at most 4 MiB of strict UTF-8 JSON, with room for it. Nothing is read before the caller was let in. */
import type { IncomingMessage } from "node:http";
import { UploadPace } from "../../contract/upload-pace.ts";
import { err, ok, type Result } from "../../contract/result.ts";
import { createJsonBounds } from "./json-bounds.ts";
import type { Room } from "../limits/body-budget.ts";
import { MAX_BODY_BYTES } from "../calls/mcp.ts";

/** Why a body is not used. */
export type BodyFault = "shape.size" | "shape.json" | "shape.encoding" | "shape.slow" | "busy";

const OPTIONS = { fatal: true, ignoreBOM: true } as const;
/** For bodies that arrive in one piece, which is nearly all. */
const utf8 = new TextDecoder("utf-8", OPTIONS);

/** A text that arrives in pieces of bytes; the bytes are not kept. */
function createText(): { add(chunk: Buffer): void; end(): string } {
  let only: Buffer | null = null;
  let decoder: InstanceType<typeof TextDecoder> | null = null;
  let text = "";
  return {
    add(chunk) {
      if (!decoder && !only) {
        only = chunk;
        return;
      }
      decoder ??= new TextDecoder("utf-8", OPTIONS);
      if (only) text += decoder.decode(only, { stream: true });
      only = null;
      text += decoder.decode(chunk, { stream: true });
    },
    end: () => (decoder ? text + decoder.decode() : only ? utf8.decode(only) : ""),
  };
}

/** Reads a body that arrives completely, as text. */
function collect(incoming: IncomingMessage, room: Room): Promise<Result<string, BodyFault>> {
  const declared = Number(incoming.headers["content-length"] ?? 0);
  // Room is taken for what has come and not for what was announced: an announcement costs nothing.
  if (declared > MAX_BODY_BYTES) return Promise.resolve(err("shape.size"));
  // The client left while it was being let in; its stream will say nothing more.
  if (incoming.destroyed) return Promise.resolve(err("shape.json"));
  return new Promise((resolve) => {
    const bounds = createJsonBounds();
    const text = createText();
    let size = 0;
    const pace = new UploadPace();
    let since = performance.now();
    // Once there is an answer, what follows is discarded by Node; closing here would lose the answer.
    const give = (fault: BodyFault): void => {
      incoming.off("data", onData).resume();
      resolve(err(fault));
    };
    let patience = setTimeout(give, pace.leftMs, "shape.slow");
    const onData = (chunk: Buffer): void => {
      const at = performance.now();
      pace.came(at - since, chunk.length);
      since = at;
      clearTimeout(patience);
      patience = setTimeout(give, pace.leftMs, "shape.slow");
      const fault = faultOfChunk(chunk);
      if (fault !== null) give(fault);
    };
    incoming.once("close", () => clearTimeout(patience));
    incoming.once("end", () => clearTimeout(patience));
    function faultOfChunk(chunk: Buffer): BodyFault | null {
      size += chunk.length;
      if (size > MAX_BODY_BYTES || !bounds.feed(chunk)) return "shape.size";
      if (!room.grow(size)) return "busy";
      try {
        text.add(chunk);
        return null;
      } catch {
        return "shape.json";
      }
    }
    incoming.on("data", onData);
    incoming.on("end", () => {
      try {
        resolve(ok(text.end()));
      } catch {
        resolve(err("shape.json"));
      }
    });
    incoming.on("error", () => resolve(err("shape.json")));
    incoming.on("close", () => resolve(err("shape.json")));
  });
}

/** Reads and parses the body. A byte order mark is not JSON, and neither is a body that breaks off. `room` is the caller's to release. */
export async function readJson(incoming: IncomingMessage, room: Room): Promise<Result<unknown, BodyFault>> {
  if (incoming.headers["content-encoding"] !== undefined) return err("shape.encoding");
  const text = await collect(incoming, room);
  if (!text.ok) return text;
  try {
    return ok(JSON.parse(text.value) as unknown);
  } catch {
    return err("shape.json");
  }
}

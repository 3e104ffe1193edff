/** The request body: at most 4 MiB of strict UTF-8 JSON. Nothing is read before the caller was let in. */
import type { IncomingMessage } from "node:http";
import { err, ok, type Result } from "../contract/result.ts";
import { MAX_BODY_BYTES } from "./mcp.ts";

/** Why a body is not used. */
export type BodyFault = "shape.size" | "shape.json" | "shape.media";

/** Collects the bytes of a body that arrives completely. */
function collect(incoming: IncomingMessage): Promise<Result<Buffer, BodyFault>> {
  if (Number(incoming.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return Promise.resolve(err("shape.size"));
  // The client left while it was being let in; its stream will say nothing more.
  if (incoming.destroyed) return Promise.resolve(err("shape.json"));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      else {
        // What follows is discarded by Node when the answer is sent; closing here would lose the answer.
        chunks.length = 0;
        resolve(err("shape.size"));
      }
    });
    incoming.on("end", () => resolve(ok(Buffer.concat(chunks))));
    incoming.on("error", () => resolve(err("shape.json")));
    incoming.on("close", () => resolve(err("shape.json")));
  });
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads and parses the body. A byte order mark is not JSON, and neither is a body that breaks off. */
export async function readJson(incoming: IncomingMessage): Promise<Result<unknown, BodyFault>> {
  if (incoming.headers["content-encoding"] !== undefined) return err("shape.media");
  const bytes = await collect(incoming);
  if (!bytes.ok) return bytes;
  try {
    return ok(JSON.parse(utf8.decode(bytes.value)) as unknown);
  } catch {
    return err("shape.json");
  }
}

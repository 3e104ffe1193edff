/** The request body: at most 4 MiB of strict UTF-8 JSON. Nothing is read before the caller was let in. */
import type { IncomingMessage } from "node:http";
import { err, ok, type Result } from "../contract/result.ts";
import { MAX_BODY_BYTES } from "./mcp.ts";

/** Why a body is not used. */
export type BodyFault = "shape.size" | "shape.json" | "shape.media";

/** Collects the bytes. @returns null when there are more than the limit. @throws when the connection breaks first. */
function collect(incoming: IncomingMessage): Promise<Buffer | null> {
  if (Number(incoming.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      else {
        // What follows is discarded by Node when the answer is sent; closing here would lose the answer.
        chunks.length = 0;
        resolve(null);
      }
    });
    incoming.on("end", () => resolve(Buffer.concat(chunks)));
    incoming.on("error", reject);
    incoming.on("close", () => reject(new Error("the connection closed before the body was complete")));
  });
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads and parses the body. A byte order mark is not JSON. @throws when the connection breaks first. */
export async function readJson(incoming: IncomingMessage): Promise<Result<unknown, BodyFault>> {
  if (incoming.headers["content-encoding"] !== undefined) return err("shape.media");
  const bytes = await collect(incoming);
  if (!bytes) return err("shape.size");
  try {
    return ok(JSON.parse(utf8.decode(bytes)) as unknown);
  } catch {
    return err("shape.json");
  }
}

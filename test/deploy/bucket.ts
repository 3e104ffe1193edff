/**
 * A bucket in the shape of S3 on loopback: as much as Terraform's backend asks of one, with what Cloudflare R2 refuses of S3.
 * Conditional writes are kept, because the lock of a state is one. Signatures are not checked, but a request must have one.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** A running bucket. */
export interface Bucket {
  readonly url: string;
  /** By key, without the bucket's name. */
  readonly objects: ReadonlyMap<string, Buffer>;
  /** `PUT key`, `DELETE key`, … in order. */
  readonly writes: readonly string[];
  close(): Promise<void>;
}

/** A header of PutObject that R2 does not implement, whatever its value. Source: developers.cloudflare.com/r2/api/s3/api. */
const NOT_IMPLEMENTED = "x-amz-server-side-encryption";

/** The object itself: checksummed bodies come in chunks of `<hex length>[;…]\r\n<bytes>\r\n`. */
function unchunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const end = body.indexOf("\r\n", at);
    const length = Number.parseInt(body.subarray(at, end).toString(), 16);
    if (!length) break;
    parts.push(body.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return Buffer.concat(parts);
}

/** Listens until closed. */
export async function startBucket(name: string): Promise<Bucket> {
  const objects = new Map<string, Buffer>();
  const writes: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://bucket");
      const body = await buffer(request);
      const answer = (status: number, text: string | Buffer = "", headers: Readonly<Record<string, string>> = {}) =>
        void response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : text);
      const refuse = (status: number, code: string) =>
        answer(status, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`, {
          "content-type": "application/xml",
        });
      if (!request.headers.authorization?.startsWith("AWS4-HMAC-SHA256 ")) return refuse(403, "AccessDenied");
      if (pathname === `/${name}` || pathname === `/${name}/`) {
        const prefix = searchParams.get("prefix") ?? "";
        const keys = [...objects.keys()].filter((key) => key.startsWith(prefix));
        const contents = keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("");
        return answer(
          200,
          `<?xml version="1.0"?><ListBucketResult><Name>${name}</Name>${contents}</ListBucketResult>`,
          {
            "content-type": "application/xml",
          },
        );
      }
      if (!pathname.startsWith(`/${name}/`)) return refuse(404, "NoSuchBucket");
      const key = decodeURIComponent(pathname.slice(name.length + 2));
      const known = objects.get(key);
      if (request.method === "PUT") {
        if (request.headers[NOT_IMPLEMENTED] !== undefined) return refuse(501, "NotImplemented");
        if (request.headers["if-none-match"] === "*" && known) return refuse(412, "PreconditionFailed");
        writes.push(`PUT ${key}`);
        const chunked = request.headers["content-encoding"]?.includes("aws-chunked") === true;
        objects.set(key, chunked ? unchunked(body) : body);
        return answer(200, "", { etag: `"${createHash("md5").update(body).digest("hex")}"` });
      }
      if (request.method === "DELETE") {
        writes.push(`DELETE ${key}`);
        objects.delete(key);
        return answer(204);
      }
      if (!known) return refuse(404, "NoSuchKey");
      return answer(200, known, {
        "content-length": String(known.length),
        etag: `"${createHash("md5").update(known).digest("hex")}"`,
      });
    })();
  });
  // Longer than any client keeps an idle connection.
  server.keepAliveTimeout = 120_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    writes,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/**
 * The way for clients whose host is built in (the Koyeb Terraform provider), or in nobody's DNS: an HTTP proxy that ends TLS for one
 * host with a certificate of its own and passes each request on to what stands for it. It reaches nothing else, and says so.
 */
import { createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenServer, type VendorContext } from "../vendor.ts";
import { issueFor } from "./certificate.ts";

const KOYEB = "app.koyeb.com";

/** For HTTPS_PROXY and SSL_CERT_FILE of one client run; never for a whole shell. */
export interface ConnectProxy {
  /** `http://127.0.0.1:<port>`. */
  readonly proxyUrl: string;
  /** PEM file with the sandbox's own authority. */
  readonly caFile: string;
  close(): Promise<void>;
}

/** @param url what stands for `host`. @throws when the port is taken. */
export async function startConnectProxy(context: VendorContext, url: string, host = KOYEB): Promise<ConnectProxy> {
  const { ca, cert, key } = await issueFor(host);
  const folder = await mkdtemp(join(tmpdir(), "mcpist-ca-"));
  const caFile = join(folder, "ca.pem");
  await writeFile(caFile, ca);

  const inner = createTlsServer({ cert, key }, (request, response) => void passOn(url, request, response));
  const open = new Set<Duplex>();
  const refuse = (target: string): void => context.log(`sandbox: the proxy for ${host} does not reach ${target}`);
  const server = createServer((request, response) => {
    refuse(request.headers.host ?? "");
    response.writeHead(403).end();
  });
  server.on("connect", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    // A client that goes away in the middle is no error of the sandbox.
    socket.on("error", () => socket.destroy());
    if (request.url !== `${host}:443`) {
      refuse(request.url ?? "");
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    if (head.length > 0) socket.unshift(head);
    inner.emit("connection", socket);
  });
  const listener = await listenServer(server, context.port("koyeb-proxy"));
  return {
    proxyUrl: listener.url,
    caFile,
    async close() {
      inner.closeAllConnections();
      for (const socket of open) socket.destroy();
      await Promise.all([listener.close(), rm(folder, { recursive: true, force: true })]);
    },
  };
}

async function passOn(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const upstream = send(url + (request.url ?? "/"), { method: request.method, headers: request.headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    upstream.once("response", resolve).once("error", reject),
  );
  try {
    const [incoming] = await Promise.all([answered, pipeline(request, upstream)]);
    response.writeHead(incoming.statusCode ?? 502, incoming.headers);
    await pipeline(incoming, response);
  } catch {
    // What stands behind broke off, or a fault rule did: so does the proxy.
    response.destroy();
  }
}

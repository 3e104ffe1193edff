/** Adds a bearer token to every request: the conformance suite has no way to send one. Changes nothing else, streams both ways. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { type Listening, onLoopback } from "../loopback.ts";

export type Shim = Listening;

/** @param target URL without a path, asked for each request @param token one for each request */
export async function startShim(target: () => string, token: () => Promise<string>): Promise<Shim> {
  const forward = (incoming: IncomingMessage, outgoing: ServerResponse, bearer: string): void => {
    const { method, url: path } = incoming;
    const { hostname, port } = new URL(target());
    const headers = [...incoming.rawHeaders, "authorization", `Bearer ${bearer}`];
    const upstream = httpRequest({ hostname, port, method, path, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    upstream.on("error", () => outgoing.destroy());
    outgoing.on("close", () => upstream.destroy());
    incoming.pipe(upstream);
  };
  const server = createServer(async (incoming, outgoing) => forward(incoming, outgoing, await token()));
  return onLoopback(server);
}

/** The origin behind every proxy of the benchmark: answers a tool call with a small constant, as fast as Node can. */
import { createServer } from "node:http";

const BODY = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  result: { content: [{ type: "text", text: "2026-11-22T12:00:00Z" }] },
});
const HEADERS = {
  "content-type": "application/json",
  "x-mcpist-origin": "koyeb",
  "content-length": Buffer.byteLength(BODY),
};
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume();
  request.on("end", () => response.writeHead(200, HEADERS).end(BODY));
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => process.send?.("ready"));
process.on("disconnect", () => process.exit(0));

/**
 * A program for tests that stands where the origin stands: answers /health, reports the environment with which it was
 * started, and streams. `BEHAVE` makes it refuse to start (a sentence, or a leak of its
 * environment), stay unhealthy, or ignore the polite signal.
 */
import { createServer } from "node:http";

const behave = process.env["BEHAVE"] ?? "";
if (behave === "refuse") {
  process.stderr.write("error: no valid gateway secret in GATEWAY_SECRET_A or GATEWAY_SECRET_B (ERR_SECRET_MISSING)\n");
  process.exit(2);
}
if (behave === "leak") throw new Error(`cannot connect to ${process.env["DATABASE_URL"]}`);
const environment = { ...process.env };
const server = createServer((request, response) => {
  response.setHeader("x-mcpist-origin", environment["ORIGIN_NAME"] ?? "fake");
  if (request.url === "/health") response.writeHead(behave === "unhealthy" ? 500 : 200).end("ok");
  else if (request.url === "/stream") {
    response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    const timer = setInterval(() => response.write("data: more\n\n"), 20);
    response.on("close", () => {
      clearInterval(timer);
      process.stdout.write(`${JSON.stringify({ event: "stream closed" })}\n`);
    });
  } else if (request.url === "/slow") setTimeout(() => response.end("slow"), 150);
  else if (request.url === "/end") process.exit(1);
  else {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ pid: process.pid, environment, headers: request.rawHeaders, url: request.url, body }),
      );
    });
  }
});
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env["PORT"]), "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(
    `${JSON.stringify({ event: "listening", port: typeof address === "object" ? address?.port : 0 })}\n`,
  );
});
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.on(signal, () => {
    if (behave === "stubborn") return;
    server.close(() => process.exit(0));
    setInterval(() => server.closeIdleConnections(), 10);
  });

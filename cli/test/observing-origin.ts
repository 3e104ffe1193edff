/**
 * A program that stands where the origin stands: reads its slots once, refuses to start without a valid one, and answers
 * /health and the observation. Everything else about an origin is not this folder's business.
 */
import { createServer } from "node:http";
import { kidOf, parseSlot, SLOT_VARIABLES } from "../../contract/gateway-secret.ts";
import { marksIn } from "../../contract/marks.ts";
import { HEALTH_PATH, OBSERVATION_PATH } from "../../contract/headers.ts";

async function report(text: string | undefined): Promise<string | null> {
  const slot = parseSlot(text);
  if (slot.kind === "secret") return kidOf(slot.bytes);
  return slot.kind === "revoked" ? `revoked:${slot.kid}` : null;
}

const { env } = process;
const kids = { a: await report(env[SLOT_VARIABLES.a]), b: await report(env[SLOT_VARIABLES.b]) };
if ([kids.a, kids.b].every((kid) => kid === null || kid.startsWith("revoked:"))) {
  process.stderr.write("error: no valid gateway secret\n");
  process.exit(2);
}
const instanceId = env["FLY_MACHINE_ID"] ?? env["KOYEB_INSTANCE_ID"];
const deployment = env["FLY_MACHINE_VERSION"] ?? env["KOYEB_REGIONAL_DEPLOYMENT_ID"];
const server = createServer((request, response) => {
  if (request.url === HEALTH_PATH) response.end("ok");
  else if (request.url === OBSERVATION_PATH) {
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ role: "origin", instanceId, deployment, kids, lastAccepted: {}, marks: marksIn(env) }),
    );
  } else response.writeHead(404).end();
});
server.listen(Number(env["PORT"]), "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(
    `${JSON.stringify({ event: "listening", port: typeof address === "object" ? address?.port : 0 })}\n`,
  );
});
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.on(signal, () => {
    server.close(() => process.exit(0));
    setInterval(() => server.closeIdleConnections(), 10);
  });

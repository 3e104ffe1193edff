/**
 * A light instance: stands where an origin process stands, inside the sandbox's own process, so that fifty of them cost nothing.
 * It reads its slots once, refuses to start without a valid one, answers the health check and the observation, and lets in who
 * shows an accepted secret. It runs no tool and opens no database: everything else is answered with an empty JSON-RPC result.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { kidOf, parseSlot, SLOT_VARIABLES, type SlotName } from "../../contract/gateway-secret.ts";
import {
  DENY_HEADER,
  GATEWAY_SECRET_HEADER,
  HEALTH_PATH,
  OBSERVATION_PATH,
  ORIGIN_HEADER,
} from "../../contract/headers.ts";
import { marksIn } from "../../contract/marks.ts";
import { type Instance, type InstanceOptions, type InstanceState, isHealthy, StartError } from "./instance.ts";

type Environment = Readonly<Record<string, string>>;

/** A secret that is accepted, by its digest: the text itself is not kept. */
interface Accepted {
  readonly kid: string;
  readonly digest: Buffer;
  lastAt: number | null;
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** What the slots say, and what is accepted. @throws {StartError} when nothing would be. */
async function readSlots(environment: Environment) {
  const accepted: Accepted[] = [];
  const report = async (name: SlotName): Promise<string | null> => {
    const text = environment[SLOT_VARIABLES[name]];
    const slot = parseSlot(text);
    if (slot.kind === "revoked") return `revoked:${slot.kid}`;
    if (slot.kind !== "secret" || text === undefined) return null;
    const kid = await kidOf(slot.bytes);
    accepted.push({ kid, digest: digest(text), lastAt: null });
    return kid;
  };
  const kids = { a: await report("a"), b: await report("b") };
  if (accepted.length === 0)
    throw new StartError("error: no valid gateway secret in GATEWAY_SECRET_A or GATEWAY_SECRET_B (ERR_SECRET_MISSING)");
  return { kids, accepted };
}

function originName(environment: Environment): string {
  try {
    const config = JSON.parse(environment["MCPIST_CONFIG"] ?? "{}") as { readonly origin?: unknown };
    return typeof config.origin === "string" ? config.origin : "light";
  } catch {
    return "light";
  }
}

async function jsonRpc(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    const { id = null } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly id?: unknown };
    return JSON.stringify({ jsonrpc: "2.0", id, result: {} });
  } catch {
    return JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_700, message: "Parse error" } });
  }
}

let count = 0;

/** As `startInstance`, without a process. @throws {StartError} without a valid slot. */
export async function startLight(environment: Environment, options: InstanceOptions): Promise<Instance> {
  options.signal?.throwIfAborted();
  const { kids, accepted } = await readSlots(environment);
  const name = originName(environment);
  const instanceId = environment["FLY_MACHINE_ID"] ?? environment["KOYEB_INSTANCE_ID"] ?? options.id;
  const deployment =
    environment["FLY_MACHINE_VERSION"] ?? environment["KOYEB_REGIONAL_DEPLOYMENT_ID"] ?? "light-deployment";
  let state: InstanceState = "listening";
  let resumed = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<{ readonly code: number | null }>();

  const admit = (request: IncomingMessage): boolean | null => {
    const shown = request.headers[GATEWAY_SECRET_HEADER];
    if (typeof shown !== "string") return null;
    const found = accepted.find((candidate) => timingSafeEqual(candidate.digest, digest(shown)));
    if (found) found.lastAt = Date.now();
    return found !== undefined;
  };
  const observation = (isAccepted: boolean | null) => ({
    role: "origin",
    instanceId,
    deployment,
    kids,
    marks: marksIn(environment),
    lastAccepted: Object.fromEntries(
      accepted.map(({ kid, lastAt }) => [kid, lastAt === null ? null : Math.floor((Date.now() - lastAt) / 1000)]),
    ),
    ...(isAccepted === null ? {} : { accepted: isAccepted }),
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Like a process under SIGSTOP: the connection is there, and nobody answers.
    if (state === "suspended") await resumed.promise;
    response.setHeader(ORIGIN_HEADER, name);
    const path = (request.url ?? "/").replace(/\?.*$/, "");
    if (path === HEALTH_PATH) return void response.end("ok");
    // An observation must not keep a secret alive that nobody else uses.
    const ages = accepted.map(({ lastAt }) => lastAt);
    const isAccepted = admit(request);
    response.setHeader("content-type", "application/json");
    if (path === OBSERVATION_PATH) {
      accepted.forEach((candidate, i) => (candidate.lastAt = ages[i] ?? null));
      return void response.end(JSON.stringify(observation(isAccepted)));
    }
    if (isAccepted !== true)
      return void response
        .writeHead(403, { [DENY_HEADER]: "gateway_secret" })
        .end(JSON.stringify({ error: "forbidden" }));
    response.end(await jsonRpc(request));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  // As the origin does: longer than a platform keeps an idle connection.
  server.keepAliveTimeout = 120_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  const end = async (code: number | null): Promise<void> => {
    if (state === "exited") return;
    state = "stopping";
    server.close();
    server.closeIdleConnections();
    if (code === null) server.closeAllConnections();
    await once(server, "close");
    state = "exited";
    exited.resolve({ code });
  };
  let ending: Promise<void> | null = null;
  return {
    id: options.id,
    pid: 1_000_000 + ++count,
    port,
    url,
    exited: exited.promise,
    get state() {
      return state;
    },
    stop: () => (ending ??= end(state === "suspended" ? null : 0)),
    kill: () => (ending ??= end(null)),
    suspend() {
      if (state !== "listening") return;
      resumed = Promise.withResolvers();
      state = "suspended";
    },
    resume() {
      if (state !== "suspended") return;
      state = "listening";
      resumed.resolve();
    },
    async healthy(path, timeoutMs) {
      return state === "listening" && isHealthy(url + path, timeoutMs);
    },
  };
}

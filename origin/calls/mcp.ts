/**
 * The MCP side: one SDK handler for both protocol eras, and a server per request with the two meta tools, or with the modules' own. Identity reaches tool
 * code through an explicit exchange object, never through request headers.
 */
import {
  createMcpHandler,
  createRequestStateCodec,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type CallToolResult,
  type ListToolsResult,
  type McpRequestContext,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { isRecord } from "../../contract/json.ts";
import type { Presentation } from "../../contract/presentation.ts";
import type { Exchange } from "../exchange.ts";
import { call, getModuleSchema } from "../sieve/meta-tools.ts";
import type { ToolResult } from "../modules/module.ts";
import { refusal, success } from "../sieve/results.ts";
import type { AdmittedCall } from "./call.ts";
import { answerMalformed, malformed } from "./malformed.ts";
import { nativeInstructions, nativePage } from "../sieve/native-list.ts";
import { nativeTools } from "../sieve/native-names.ts";
import { admit, describeModule, listModules } from "../sieve/sieve.ts";
import type { Registry } from "../modules/registry.ts";

/** Largest request body. Unit: bytes. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Of mcpist, as clients and servers are told. */
export const VERSION = "0.1.0";
const LIST_TTL_MS = 300_000;
const DISCOVER_TTL_MS = 3_600_000;

/** Of what is one user's alone: natively, the instructions in `server/discover` too. */
const CACHE_HINTS = {
  "tools/list": { ttlMs: LIST_TTL_MS, cacheScope: "private" },
  "server/discover": { ttlMs: LIST_TTL_MS, cacheScope: "private" },
} as const;

/** What the meta tools hand over to. */
export interface McpParts {
  readonly registry: Registry;
  readonly presentation: Presentation;
  readonly requestStateKey: Uint8Array | null;
  /** Runs an admitted tool; never throws. */
  readonly execute: (call: AdmittedCall) => Promise<ToolResult>;
  /** A name was refused; `tool` is null when a module's schema was asked for. Must return at once. */
  readonly onRefused: (exchange: Exchange, module: string, tool: string | null) => void;
  /** A natively presented name was refused. As {@link onRefused}. */
  readonly onRefusedNative: (exchange: Exchange, name: string) => void;
  readonly onError: (error: Error) => void;
}

/** Serves requests whose caller is known. */
export interface McpSide {
  /**
   * `request` carries only headers that the SDK may see; `body` is the parsed JSON. With `stream` the answer starts at once and is
   * kept alive while a tool works; without, a modern client gets one JSON body.
   */
  serve(request: Request, body: unknown, exchange: Exchange, stream: boolean): Promise<Response>;
  close(): Promise<void>;
}

/** Requests whose answer tells what servers say to models. */
const TELLS_INSTRUCTIONS: ReadonlySet<unknown> = new Set(["initialize", "server/discover"]);

/** The SDK wants mutable arrays. */
const forSdk = (result: ToolResult): CallToolResult => ({ ...result, content: [...result.content] }) as CallToolResult;

/** Where progress goes when the client asked for it. A client that is gone has nothing to be told. */
function progressTo({ mcpReq }: ServerContext): AdmittedCall["progress"] {
  const { _meta: meta } = mcpReq;
  const progressToken = meta?.progressToken;
  if (progressToken === undefined) return null;
  return ({ progress, total, message }) => {
    const known = { ...(total === undefined ? {} : { total }), ...(message === undefined ? {} : { message }) };
    mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, ...known } }).catch(() => {});
  };
}

/** Builds the MCP side. */
export function createMcp({
  registry,
  presentation,
  requestStateKey,
  execute,
  onRefused,
  onRefusedNative,
  onError,
}: McpParts): McpSide {
  const exchanges = new WeakMap<Request, { readonly exchange: Exchange; readonly method: unknown }>();
  const begunWith = (request: Request | undefined) => {
    const begun = request && exchanges.get(request);
    if (!begun) throw new TypeError("a request reached the MCP server without an exchange");
    return begun;
  };

  function build({ requestInfo }: McpRequestContext): McpServer {
    const { exchange } = begunWith(requestInfo);
    const codec =
      requestStateKey &&
      createRequestStateCodec({
        key: requestStateKey,
        bind: ({ mcpReq }) => `${exchange.identity.userId}\n${mcpReq.method}`,
      });
    const server = new McpServer(
      { name: "mcpist", version: VERSION },
      {
        capabilities: { tools: { listChanged: false } },
        cacheHints: { ...CACHE_HINTS, "server/discover": { ttlMs: DISCOVER_TTL_MS, cacheScope: "public" } },
        instructions: "Ask get_module_schema what you may use, then run it with call.",
        requestState: {
          verify: (sent, context) => {
            if (!codec) throw new Error("no key for request state");
            return codec.verify(sent, context);
          },
        },
      },
    );
    server.registerTool(
      getModuleSchema.name,
      {
        description: getModuleSchema.description,
        inputSchema: getModuleSchema.input,
        annotations: getModuleSchema.annotations,
      },
      ({ module }) => {
        if (module === undefined) return forSdk(success({ modules: listModules(registry, exchange.permissions) }));
        const tools = describeModule(exchange.permissions, module);
        if (tools) {
          const instructions = registry.get(module)?.instructions() ?? "";
          return forSdk(success({ module, ...(instructions === "" ? {} : { instructions }), tools }));
        }
        onRefused(exchange, module, null);
        return forSdk(refusal());
      },
    );
    server.registerTool(
      call.name,
      { description: call.description, inputSchema: call.input, annotations: call.annotations },
      async ({ module, tool: name, params }, context) => {
        const tool = admit(exchange.permissions, module, name);
        if (tool) return forSdk(await execute({ exchange, module, tool, params, progress: progressTo(context) }));
        onRefused(exchange, module, name);
        return forSdk(refusal());
      },
    );
    return server;
  }

  /** The modules' own tools: no schema of theirs goes through the SDK, and a made-up name is refused as in the meta tools. */
  function buildNative({ requestInfo }: McpRequestContext): Server {
    const { exchange, method } = begunWith(requestInfo);
    const { permissions } = exchange;
    const instructions = TELLS_INSTRUCTIONS.has(method) ? nativeInstructions(registry, permissions) : "";
    const server = new Server(
      { name: "mcpist", version: VERSION },
      {
        capabilities: { tools: { listChanged: false } },
        cacheHints: CACHE_HINTS,
        ...(instructions === "" ? {} : { instructions }),
      },
    );
    server.setRequestHandler("tools/list", ({ params }) => {
      const page = nativePage(permissions, params?.cursor);
      if (!page.ok) throw new ProtocolError(ProtocolErrorCode.InvalidParams, "Invalid cursor");
      const { tools, nextCursor } = page.value;
      return { tools: tools as ListToolsResult["tools"], ...(nextCursor === undefined ? {} : { nextCursor }) };
    });
    server.setRequestHandler("tools/call", async ({ params: { name, arguments: params = {} } }, context) => {
      const found = nativeTools(permissions).get(name);
      if (found) return forSdk(await execute({ ...found, exchange, params, progress: progressTo(context) }));
      onRefusedNative(exchange, name);
      return forSdk(refusal());
    });
    return server;
  }

  const serverOf = presentation === "native" ? buildNative : build;
  const options = { legacy: "stateless", maxRequestBodySize: MAX_BODY_BYTES, onerror: onError } as const;
  const whole = createMcpHandler(serverOf, options);
  const streaming = createMcpHandler(serverOf, { ...options, responseMode: "sse" });
  return {
    serve(request, body, exchange, stream) {
      const fault = isRecord(body) ? malformed(body) : null;
      if (fault !== null && isRecord(body)) return Promise.resolve(answerMalformed(body["id"], fault));
      exchanges.set(request, { exchange, method: isRecord(body) ? body["method"] : null });
      return (stream ? streaming : whole).fetch(request, { parsedBody: body });
    },
    async close() {
      await Promise.all([whole.close(), streaming.close()]);
    },
  };
}

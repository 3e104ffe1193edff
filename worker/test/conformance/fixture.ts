/**
 * A full MCP server for the official conformance suite: the tools, prompts and resources that its scenarios ask for. It knows
 * nothing of gateways, so it can be asked directly and through one.
 */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import {
  acceptedContent,
  completable,
  createMcpHandler,
  createRequestStateCodec,
  hostHeaderValidationResponse,
  inputRequired,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  McpServer,
  originValidationResponse,
  ResourceTemplate,
} from "@modelcontextprotocol/server";
import { z } from "zod";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
const text = (value: string): { readonly type: "text"; readonly text: string } => ({ type: "text", text: value });
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
const states = createRequestStateCodec({ key: new Uint8Array(32).fill(7) });

function registerTools(server: McpServer): void {
  const simple = (name: string, description: string, content: () => readonly unknown[]): void => {
    server.registerTool(name, { description }, () => ({ content: content() as never }));
  };
  simple("test_simple_text", "Returns text", () => [text("This is a simple text response for testing.")]);
  simple("test_image_content", "Returns an image", () => [{ type: "image", data: PNG, mimeType: "image/png" }]);
  simple("test_audio_content", "Returns sound", () => [{ type: "audio", data: WAV, mimeType: "audio/wav" }]);
  const embedded = {
    uri: "test://embedded-resource",
    mimeType: "text/plain",
    text: "This is an embedded resource content.",
  };
  simple("test_embedded_resource", "Returns a resource", () => [{ type: "resource", resource: embedded }]);
  const mixed = {
    uri: "test://mixed-content-resource",
    mimeType: "application/json",
    text: '{"test":"data","value":123}',
  };
  simple("test_multiple_content_types", "Returns several kinds", () => [
    text("Multiple content types test:"),
    { type: "image", data: PNG, mimeType: "image/png" },
    { type: "resource", resource: mixed },
  ]);
  server.registerTool("test_error_handling", { description: "Always fails" }, () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
  server.registerTool("test_tool_with_progress", { description: "Reports progress" }, async (context) => {
    const { _meta: meta, notify } = context.mcpReq;
    const progressToken = meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined)
        await notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
      await pause();
    }
    return { content: [text("done")] };
  });
  server.registerTool("test_logging_tool", { description: "Logs once" }, async (context) => {
    await context.mcpReq.log("info", "logged");
    return { content: [text("done")] };
  });
  server.registerTool("test_tool_with_logging", { description: "Logs while it works" }, async (context) => {
    for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await context.mcpReq.log("info", data);
      await pause();
    }
    return { content: [text("done")] };
  });
  server.registerTool(
    "test_x_mcp_header",
    {
      description: "Has a mirrored parameter",
      inputSchema: z.object({ region: z.string().meta({ "x-mcp-header": "Region" }), query: z.string() }),
    },
    ({ region, query }) => ({ content: [text(`${region} ${query}`)] }),
  );
}

/** Multi-round-trip tools: the server asks, the client answers in a new request. */
function registerInputTools(server: McpServer): void {
  const ask = (message: string) =>
    inputRequired.elicit({
      message,
      requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
    });
  const sample = () =>
    inputRequired.createMessage({
      messages: [{ role: "user", content: text("What is the capital of France?") }],
      maxTokens: 100,
    });
  const once = (name: string, description: string, requests: () => Record<string, ReturnType<typeof ask>>): void => {
    server.registerTool(name, { description }, (context) => {
      const { inputResponses } = context.mcpReq;
      const needed = requests();
      if (Object.keys(needed).some((key) => inputResponses?.[key] === undefined))
        return inputRequired({ inputRequests: needed });
      return { content: [text(JSON.stringify(inputResponses))] };
    });
  };
  once("test_input_required_result_elicitation", "Asks for a name", () => ({ user_name: ask("What is your name?") }));
  once("test_input_required_result_sampling", "Asks a model", () => ({ capital_question: sample() }));
  once("test_input_required_result_list_roots", "Asks for roots", () => ({ client_roots: inputRequired.listRoots() }));
  server.registerTool(
    "test_input_required_result_multiple_inputs",
    { description: "Asks for several things" },
    async (context) => {
      if (context.mcpReq.inputResponses !== undefined) return { content: [text("all answered")] };
      const inputRequests = {
        user_name: ask("What is your name?"),
        greeting: sample(),
        client_roots: inputRequired.listRoots(),
      };
      return inputRequired({ inputRequests, requestState: await states.mint({ step: 1 }) });
    },
  );
  server.registerTool(
    "test_input_required_result_capabilities",
    { description: "Asks only for what the client can do" },
    () => inputRequired({ inputRequests: { greeting: sample() } }),
  );
  server.registerTool("test_missing_capability", { description: "Needs a model" }, () =>
    inputRequired({ inputRequests: { greeting: sample() } }),
  );
  server.registerTool("test_streaming_elicitation", { description: "Asks while it streams" }, () =>
    inputRequired({ inputRequests: { user_name: ask("What is your name?") } }),
  );
  for (const name of ["test_input_required_result_request_state", "test_input_required_result_tampered_state"]) {
    server.registerTool(name, { description: "Keeps its state with the client" }, async (context) => {
      const answer = acceptedContent(context.mcpReq.inputResponses, "confirm");
      if (answer === undefined || context.mcpReq.requestState === undefined)
        return inputRequired({
          inputRequests: { confirm: ask("Sure?") },
          requestState: await states.mint({ step: 1 }),
        });
      return { content: [text("state-ok")] };
    });
  }
  server.registerTool("test_input_required_result_multi_round", { description: "Asks twice" }, async (context) => {
    const { inputResponses, requestState } = context.mcpReq;
    const step = requestState === undefined ? 0 : inputResponses?.["step2"] === undefined ? 1 : 2;
    if (step === 2) return { content: [text("both rounds done")] };
    const key = step === 0 ? "step1" : "step2";
    if (step === 1 && inputResponses?.["step1"] === undefined)
      return inputRequired({ inputRequests: { step1: ask("Step 1") }, requestState: await states.mint({ step: 1 }) });
    return inputRequired({
      inputRequests: { [key]: ask(`Question ${key}`) },
      requestState: await states.mint({ step: step + 1 }),
    });
  });
}

function registerRest(server: McpServer): void {
  server.registerResource(
    "static-text",
    "test://static-text",
    { description: "Text", mimeType: "text/plain" },
    ({ href }) => ({
      contents: [{ uri: href, mimeType: "text/plain", text: "This is the content of the static text resource." }],
    }),
  );
  server.registerResource(
    "static-binary",
    "test://static-binary",
    { description: "Image", mimeType: "image/png" },
    ({ href }) => ({
      contents: [{ uri: href, mimeType: "image/png", blob: PNG }],
    }),
  );
  server.registerResource(
    "template",
    new ResourceTemplate("test://template/{id}/data", { list: undefined }),
    { description: "By id", mimeType: "application/json" },
    ({ href }, { id }) => ({
      contents: [
        {
          uri: href,
          mimeType: "application/json",
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  );
  const say = (...content: readonly unknown[]) =>
    ({ messages: content.map((part) => ({ role: "user", content: part })) }) as never;
  server.registerPrompt("test_simple_prompt", { description: "Simple" }, () =>
    say(text("This is a simple prompt for testing.")),
  );
  server.registerPrompt(
    "test_prompt_with_arguments",
    {
      description: "With arguments",
      argsSchema: z.object({
        arg1: completable(z.string(), (value) => ["paris", "park", "party"].filter((word) => word.startsWith(value))),
        arg2: z.string(),
      }),
    },
    ({ arg1, arg2 }) => say(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { description: "With a resource", argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) =>
      say(
        {
          type: "resource",
          resource: { uri: resourceUri, mimeType: "text/plain", text: "Embedded resource content for testing." },
        },
        text("Please process the embedded resource above."),
      ),
  );
  server.registerPrompt("test_prompt_with_image", { description: "With an image" }, () =>
    say({ type: "image", data: PNG, mimeType: "image/png" }, text("Please analyze the image above.")),
  );
  server.registerPrompt("test_input_required_result_prompt", { description: "Asks first" }, (context) =>
    context.mcpReq.inputResponses?.["user_context"] === undefined
      ? inputRequired({
          inputRequests: {
            user_context: inputRequired.elicit({
              message: "What context?",
              requestedSchema: { type: "object", properties: { context: { type: "string" } }, required: ["context"] },
            }),
          },
        })
      : say(text("with context")),
  );
}

function build(): McpServer {
  const server = new McpServer(
    { name: "conformance-fixture", version: "1.0.0" },
    {
      capabilities: { tools: {}, resources: {}, prompts: {}, completions: {}, logging: {} },
      requestState: { verify: (state, context) => states.verify(state, context) },
      cacheHints: {
        "tools/list": { ttlMs: 1000, cacheScope: "public" },
        "resources/read": { ttlMs: 1000, cacheScope: "private" },
      },
    },
  );
  registerTools(server);
  registerInputTools(server);
  registerRest(server);
  return server;
}

/** A running fixture. */
export interface Fixture {
  /** Without a path. */
  readonly url: string;
  readonly server: Server;
  close(): Promise<void>;
}

/** Listens on loopback. Checks Host and Origin as a server on loopback should. */
export async function startFixture(): Promise<Fixture> {
  const handler = createMcpHandler(build, { legacy: "stateless" });
  const server = createServer(
    getRequestListener(async (request) => {
      const rejected =
        hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
        originValidationResponse(request, localhostAllowedOrigins());
      if (rejected) return rejected;
      if (new URL(request.url).pathname !== "/mcp") return new Response("ok");
      const response = await handler.fetch(request);
      const headers = new Headers(response.headers);
      headers.set("x-mcpist-origin", "koyeb");
      return new Response(response.body, { status: response.status, headers });
    }),
  );
  // Longer than the gateway keeps an idle connection.
  server.keepAliveTimeout = 65_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

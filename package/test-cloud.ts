/** The local cloud from test code: one's own environment, deployed, with tool calls through its gateway as a client makes them. */
import { realContext } from "../cli/context.ts";
import { mintFor } from "../cli/local/traffic-load.ts";
import { deployService, rehearsed, startLocalCloud } from "../cli/local/local-cloud.ts";
import { Progress } from "../cli/output.ts";
import { PROTOCOL_VERSIONS } from "../contract/headers.ts";
import { toolCall } from "./tool-call.ts";

/** What is started. */
export interface CloudOptions {
  /** Environment of mcpist.config.ts; absent = the only one. */
  readonly env?: string;
  /** Configuration file; absent = mcpist.config.ts of the working directory, or above it. */
  readonly config?: string;
  /** Gets what the command would say on standard error; absent = nobody. */
  readonly log?: (text: string) => void;
}

/** A running service on this machine. Nothing real is reached. */
export interface TestCloud {
  /** URL that MCP clients connect to. */
  readonly url: string;
  /** Variables that join another process, such as `mcpist secrets rotate`, to this cloud. */
  readonly env: Readonly<Record<string, string>>;
  /** An access token of the n-th sandbox user, from 1 to 60. */
  token(user?: number): Promise<string>;
  /**
   * Calls a tool through the gateway, as the environment presents its tools.
   * @returns what the tool returned; text that is no JSON as it is
   * @throws {Error} with the words that the client is told
   */
  call(module: string, tool: string, params?: Readonly<Record<string, unknown>>, user?: number): Promise<unknown>;
  close(): Promise<void>;
}

/** A revision whose headers mirror nothing of the body, so that any client's request can be made by hand. */
const PROTOCOL = PROTOCOL_VERSIONS[1];

interface Answer {
  readonly result?: { readonly isError?: boolean; readonly content?: readonly { readonly text?: string }[] };
  readonly error?: { readonly message: string };
}

/** Starts the local cloud and deploys the environment on it. Takes some ten seconds; close it when the tests are over. */
export async function startCloud({ env, config = "mcpist.config.ts", log }: CloudOptions = {}): Promise<TestCloud> {
  const context = { ...realContext(), stderr: { write: (text: string) => log?.(text) } };
  const rehearses = await rehearsed(context, env, config);
  const flags = { env: rehearses.name, config, json: true, yes: true, debug: false };
  const cloud = await startLocalCloud(context, flags, { rehearses });
  const { sandbox } = cloud;
  const progress = new Progress(context, { json: true });
  try {
    await deployService(cloud, progress);
  } catch (cause) {
    await sandbox.close();
    throw cause;
  } finally {
    await progress.end();
  }
  const { userId } = await import("../sandbox/vendors/idp/tokens.ts");
  const mint = mintFor(cloud);
  const token = (user = 1): Promise<string> => mint({ sub: userId(user) });
  const url = `${sandbox.urls.gateway}/mcp`;
  return {
    url,
    env: sandbox.env,
    token,
    async call(module, tool, params = {}, user = 1) {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          authorization: `Bearer ${await token(user)}`,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-protocol-version": PROTOCOL,
        },
        body: JSON.stringify({
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: toolCall(cloud.environment.presentation, module, tool, params),
        }),
      });
      const text = await response.text();
      const { result, error } = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) as Answer;
      const said = result?.content?.[0]?.text ?? "";
      if (!result || result.isError === true) throw new Error(error?.message ?? said);
      try {
        return JSON.parse(said) as unknown;
      } catch {
        return said;
      }
    },
    close: () => sandbox.close(),
  };
}

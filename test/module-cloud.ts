/** What the tests of the modules share: a whole sandbox, and tool calls through its gateway as a client makes them. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { deployService, startLocalCloud } from "../cli/local/local-cloud.ts";
import { realContext } from "../cli/context.ts";
import { Progress } from "../cli/output.ts";
import { MODERN_PROTOCOL_VERSION } from "../contract/headers.ts";
import { modern } from "../origin/test/origin.ts";
import { CONNECTED_USER, connectAccounts, loginOf } from "../sandbox/accounts.ts";
import { userId } from "../sandbox/vendors/idp/tokens.ts";
import type { Sandbox } from "../sandbox/start.ts";

const TIMINGS = { koyebStepMs: 20, koyebDrainMs: 100, flyBootMs: 20, edgeLagMs: 0, githubLagMs: 0, listLagMs: 0 };
/** The gateway admits a few calls a second of one user; a test that is faster waits. Unit: milliseconds. */
const PAUSE_MS = 300;

/** What a client was told. */
export interface Told {
  /** What the tool returned, or null when it did not. */
  // oxlint-disable-next-line typescript/no-explicit-any -- results are looked at field by field
  readonly value: any;
  /** The explanation of a failed call, else empty. */
  readonly error: string;
}

/** A sandbox with everything deployed. */
export interface Cloud {
  readonly sandbox: Sandbox;
  readonly admin: pg.Pool;
  /** Every answer that came through the gateway, and every line for the operator. */
  readonly seen: string[];
  call(module: string, tool: string, params: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Told>;
  /** Connects a user, anew or for the first time. */
  connect(user: number): Promise<void>;
  /** No faults, no limit used up. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface CallOptions {
  /** Number of the sandbox user; absent = the one who is connected. */
  readonly user?: number;
  readonly signal?: AbortSignal;
}

function toldBy(text: string): Told {
  const json = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  const { result, error } = JSON.parse(json) as {
    readonly result?: { readonly isError?: boolean; readonly content: readonly [{ readonly text: string }] };
    readonly error?: { readonly code: number; readonly message: string };
  };
  if (!result) return { value: null, error: `${error?.code} ${error?.message}` };
  const [{ text: said }] = result.content;
  return result.isError === true ? { value: null, error: said } : { value: JSON.parse(said), error: "" };
}

/** Starts a sandbox, deploys the service and connects to its database. */
export async function startCloud(): Promise<Cloud> {
  const seen: string[] = [];
  const context = { ...realContext(), stderr: { write: (text: string) => seen.push(text) } };
  const flags = { config: "mcpist.config.ts", json: true, yes: true, debug: false };
  const cloud = await startLocalCloud(context, flags, { timings: TIMINGS });
  const { sandbox } = cloud;
  try {
    await deployService(cloud, new Progress(context, { json: true }));
  } catch (cause) {
    await sandbox.close();
    throw cause;
  }
  const admin = new pg.Pool({ connectionString: sandbox.database.adminUrl, max: 1 });
  admin.on("error", () => undefined);
  const tokens = new Map<number, string>();
  return {
    sandbox,
    admin,
    seen,
    async call(module, tool, params, { user = CONNECTED_USER, signal } = {}) {
      const token = tokens.get(user) ?? (await sandbox.idp.mint({ sub: userId(user) }));
      tokens.set(user, token);
      for (;;) {
        const response = await fetch(`${sandbox.urls.gateway}/mcp`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            accept: "application/json, text/event-stream",
            authorization: `Bearer ${token}`,
            "mcp-protocol-version": MODERN_PROTOCOL_VERSION,
            "mcp-method": "tools/call",
            "mcp-name": "call",
            "mcp-param-module": module,
            "mcp-param-tool": tool,
          },
          body: JSON.stringify(modern("tools/call", { name: "call", arguments: { module, tool, params } })),
          ...(signal ? { signal } : {}),
        });
        const text = await response.text();
        seen.push(text, JSON.stringify([...response.headers]));
        if (response.status !== 429) return toldBy(text);
        await sleep(PAUSE_MS);
      }
    },
    connect: (user) => connectAccounts(sandbox, sandbox.database.adminUrl, user),
    async reset() {
      // A user's word that a token was refused is taken once a minute; each test is a minute later.
      await admin.query("update mcpist.connections set refreshed_at = null");
      sandbox.faults.clear();
      sandbox.notion.workspace.canWrite = true;
      sandbox.notion.forgetLimits();
      sandbox.github.rates.forget(loginOf(CONNECTED_USER));
    },
    async close() {
      await admin.end();
      await sandbox.close();
    },
  };
}

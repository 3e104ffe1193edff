/**
 * One server as a module: its listed tools, kept up to date, and calls to them. Admission, claims, limits and the log are those of
 * every module; what is added here are places per user, and that an answer which never came is "may have run".
 */
import type { CallToolResult } from "@modelcontextprotocol/client";
import { isRecord } from "../../contract/json.ts";
import { OutcomeUnknownError, ToolError, WholeResult, type ToolResult } from "../modules/module.ts";
import type { RegisteredModule, RegisteredTool } from "../modules/registry.ts";
import type { ServerSettings } from "../../contract/servers.ts";
import type { Connection } from "./connection.ts";
import { onBehalfOf } from "./http-transport.ts";
import { perUser, shared, type Instances } from "./instances.ts";
import { readListing, type Listing, type ListedTool } from "./listing.ts";
import { createShares, type Shares } from "./shares.ts";
import { supervise, type ServerState, type Supervisor } from "./supervisor.ts";

/** Calls under way at once when the configuration says nothing. */
const USUAL_PLACES = 8;
/** Longest time of one call at a server; the request's own deadline is usually earlier. Unit: milliseconds. */
const CALL_TIMEOUT_MS = 60_000;
/** Where a child finds the token of the user's account. */
const ACCOUNT_META = "mcpist/account-token";

const BUSY = "This server is busy. Try again in a moment.";
/** Answers that cannot be passed on; the call was executed. */
const USELESS = {
  large: "The server answered with more than 2 MiB, which is not passed on. The call was executed.",
  blocks: "The server answered with more than 1,000 blocks of content, which are not passed on. The call was executed.",
  shape: "The server answered with something that is no result of MCP. The call was executed.",
} as const;

/** A place for one process after the other, or one session. */
export interface Place {
  /** A new connection. @throws when the server does not come up. */
  readonly connect: (onListChanged: () => void, signal: AbortSignal) => Promise<Connection>;
  /** Why it did not come up. */
  readonly onFailure: (cause: unknown) => void;
  /** Removes what was left there. */
  readonly leave: () => Promise<void>;
}

/** What a module of a server needs from outside. */
export interface ServerModuleOptions {
  readonly name: string;
  readonly settings: ServerSettings;
  /** Where one instance lives: what a user's process leaves there is no other user's. */
  readonly newPlace: () => Place;
  /** A token of a user's account is about to be sent. */
  readonly onAccount: (token: string) => void;
  /** The tools are others than before. */
  readonly onListing: (listing: Listing) => void;
  readonly onState: (state: ServerState) => void;
  readonly random: () => number;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
}

/** A server and the module that it is. */
export interface ServerModule {
  readonly module: RegisteredModule;
  readonly state: () => ServerState;
  start(): void;
  /** Resolves when the first attempt to list tools has succeeded or failed. */
  settled(): Promise<void>;
  /** True when something belongs to this user alone. */
  hasUser(userId: string): boolean;
  /** Ends what belongs to one user. */
  endUser(userId: string): Promise<void>;
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

/** Builds the module; nothing is started yet. */
export function createServerModule(options: ServerModuleOptions): ServerModule {
  const { name, settings, newPlace, onAccount, onListing, onState, random, now } = options;
  const places = settings.concurrency ?? USUAL_PLACES;
  const half = Math.max(1, Math.floor(places / 2));
  const shares = createShares({ places, perUser: half, queuePerUser: half * 2, queue: places * 4 });
  const tools = new Map<string, RegisteredTool>();
  let instructions = "";

  const lister: Supervisor = supervise({
    ...newPlace(),
    onState,
    random,
    onListing(raw) {
      const listing = readListing(raw);
      ({ instructions } = listing);
      tools.clear();
      for (const [tool, listed] of listing.tools)
        tools.set(
          tool,
          registered(listed, settings, instances, shares, onAccount, () => tools.get(tool)?.pin === listed.pin),
        );
      onListing(listing);
    },
  });
  const makeForUser = () => supervise({ ...newPlace(), random, onState: () => {}, onListing: () => {} });
  const instances: Instances = settings.perUser === true ? perUser(makeForUser, now) : shared(lister);

  return {
    module: {
      name,
      description: settings.description ?? "",
      // What a server takes is its own: the answer is streamed, so that it does not look like a dead origin.
      network: true,
      scopes: [],
      tools,
      instructions: () => instructions,
    },
    state: () => lister.state,
    start: () => lister.start(),
    settled: () => lister.settled(),
    hasUser: (userId) => instances.has(userId),
    endUser: (userId) => instances.endUser(userId),
    sweep: () => instances.sweep(),
    async stop() {
      await Promise.all([instances.stop(), lister.stop()]);
    },
  };
}

/** What of a server's answer is passed on; its `_meta` is not, because ours stands there. */
function resultOf({ content, structuredContent, isError }: CallToolResult): ToolResult {
  return {
    content,
    ...(isRecord(structuredContent) ? { structuredContent } : {}),
    ...(isError === undefined ? {} : { isError }),
  };
}

function registered(
  { facts, pin, check }: ListedTool,
  { tools = {}, account }: ServerSettings,
  instances: Instances,
  shares: Shares,
  onAccount: (token: string) => void,
  isListed: () => boolean,
): RegisteredTool {
  const known = Object.hasOwn(tools, facts.name) ? tools[facts.name] : undefined;
  const readOnly = known?.readOnly === true;
  return {
    name: facts.name,
    description: facts.description,
    readOnly,
    idempotent: readOnly || known?.idempotent === true,
    destructive: !readOnly,
    pin,
    inputSchema: () => facts.inputSchema,
    shown: () => facts,
    // Defaults of a foreign schema are the server's business.
    check: (params) => {
      const checked = check(params);
      return checked.ok ? { ok: true, value: params } : checked;
    },
    async run(params, { userId, requestId, signal, token, progress }) {
      const release = await shares.take(userId, signal);
      if (!release) throw new ToolError(BUSY);
      try {
        const accountToken = account === undefined ? null : await token();
        if (accountToken) onAccount(accountToken.reveal());
        const meta = accountToken ? { [ACCOUNT_META]: accountToken.reveal() } : {};
        const call = {
          name: facts.name,
          params: params as Readonly<Record<string, unknown>>,
          meta,
          signal,
          timeoutMs: CALL_TIMEOUT_MS,
          onProgress: progress,
        };
        const send = () =>
          onBehalfOf.run({ userId, requestId, account: accountToken }, () => instances.call(userId, call));
        let outcome = await send();
        // It was not run, and there is a new session by now: once more, if the tool is still the one that was approved.
        if (outcome?.kind === "lost" && isListed() && !signal.aborted) outcome = await send();
        if (outcome?.kind === "busy") throw new ToolError(BUSY);
        if (outcome === null || outcome.kind === "lost" || outcome.kind === "down")
          throw new ToolError("This server is not available at the moment. Try again later.");
        if (outcome.kind === "refused") throw new ToolError("The server did not accept this call.");
        if (outcome.kind === "asks")
          throw new ToolError("This tool asks its caller for more before it goes on, which is not passed on here.");
        if (outcome.kind === "useless") throw new ToolError(USELESS[outcome.why]);
        if (outcome.kind === "unknown") throw new OutcomeUnknownError();
        return new WholeResult(resultOf(outcome.result));
      } finally {
        release();
      }
    },
  };
}

/**
 * All servers of a configuration, as modules of the registry. Puts together how each is started (program or URL), what it gets to see
 * and where its words go. One server that misbehaves is one module that is unavailable.
 */
import { join } from "node:path";
import type { Transport } from "@modelcontextprotocol/client";
import { err, ok, type Result } from "../../contract/result.ts";
import { secretsOf, type ServerSettings } from "../../contract/servers.ts";
import type { RegisteredModule } from "../modules/registry.ts";
import type { Secret } from "../modules/secret.ts";
import { ChildTransport } from "./child-transport.ts";
import { connect, whyOf } from "./connection.ts";
import { httpTransport } from "./http-transport.ts";
import type { Listing } from "./listing.ts";
import { createServerModule, type ServerModule } from "./module.ts";
import { makeFolder, removeFolder } from "./own-folder.ts";
import { spawnPlan, wordsOf } from "./separation.ts";
import { endProcessesOf } from "./rest.ts";
import { createRecent, hiding, stderrLines } from "./stderr.ts";
import type { ServerState } from "./supervisor.ts";

/** What the servers take from the process that runs them. */
export interface ServerSurroundings {
  /** Values of secrets of one's own, by name. */
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Absolute path of the program that starts others under user ids of their own; null = that is impossible here. */
  readonly separator: string | null;
  /** PATH of children. */
  readonly path: string;
  readonly version: string;
  readonly fetch: typeof fetch;
  readonly random: () => number;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
}

/** Who is told what. */
export interface ServerHooks {
  /** The tools of a server are others than before, or were left out. */
  readonly onListing: (server: string, listing: Listing) => void;
  readonly onState: (server: string, state: ServerState) => void;
  /** A line of standard error; escaped and bounded. */
  readonly onStderr: (server: string, text: string) => void;
}

/** The servers of one origin. */
export interface Servers {
  readonly modules: readonly RegisteredModule[];
  start(hooks: ServerHooks): void;
  /** Resolves when every server has listed its tools once, or failed to. */
  settled(): Promise<void>;
  readonly states: () => ReadonlyMap<string, ServerState>;
  /** True when a process or session belongs to this user alone. */
  hasUser(userId: string): boolean;
  /** Ends what belongs to a user who may no longer call anything. */
  endUser(userId: string): Promise<void>;
  /** Ends idle instances. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

/** Programs of the server's own folder come first: its virtual environment, its packages. */
const pathOf = ({ folder }: ServerSettings, path: string): string =>
  folder === undefined
    ? path
    : [...[".venv/bin", "node_modules/.bin", "bin"].map((part) => join(folder, part)), path].join(":");

/**
 * Builds the servers; nothing is started yet.
 * @returns as error one sentence for the operator: a secret that is not set, or a program that cannot be kept apart.
 */
export function createServers(
  settings: Readonly<Record<string, ServerSettings>>,
  surroundings: ServerSurroundings,
): Result<Servers, string> {
  const { secrets, separator, path, version, fetch, random, now } = surroundings;
  let hooks: ServerHooks | null = null;
  const modules: ServerModule[] = [];

  for (const [index, [name, server]] of Object.entries(settings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .entries()) {
    for (const secret of secretsOf(server))
      if (!secrets.has(secret)) return err(`${secret} is not set, and the server "${name}" needs it`);
    const { command, url, credential } = server;
    let newPlace: () => { readonly transport: () => Transport; readonly leave: () => Promise<void> };
    const accounts = createRecent();
    const own = Object.fromEntries(
      (server.secrets ?? []).map((secret) => [secret, secrets.get(secret)?.reveal() ?? ""]),
    );
    const hide = hiding(Object.values(own), accounts.values);
    const say = stderrLines((text) => hooks?.onStderr(name, text), now, hide);
    if (url !== undefined) {
      const bearer = credential === undefined ? null : (secrets.get(credential) ?? null);
      newPlace = () => ({
        transport: () => httpTransport(url, bearer, fetch, (line) => say(`${line}\n`)),
        leave: async () => {},
      });
    } else {
      const plan = spawnPlan(command ?? [], index, server.trusted === true, separator);
      if (!plan.ok) return err(`the server "${name}" ${plan.error}`);
      const { uid } = plan.value;
      // The users of a server share its user id, so that the end of one must not end the others.
      const endRest = uid === null || server.perUser === true ? {} : { endRest: () => endProcessesOf(uid) };
      newPlace = () => {
        let folder: string | null = null;
        return {
          transport() {
            const home = (folder ??= makeFolder(name, plan.value));
            const env = { PATH: pathOf(server, path), HOME: home, TMPDIR: home, LANG: "C.UTF-8", ...own };
            return new ChildTransport({
              ...wordsOf(plan.value, server.folder ?? home),
              env,
              onStderr: say,
              ...endRest,
            });
          },
          leave: async () => void (folder === null || (await removeFolder(folder, plan.value))),
        };
      };
    }
    modules.push(
      createServerModule({
        name,
        settings: server,
        newPlace() {
          const { transport, leave } = newPlace();
          return {
            connect: (onListChanged, signal) => connect({ transport, version, onListChanged, signal }),
            onFailure(cause) {
              const why = whyOf(cause);
              if (why !== null) say(`mcpist: the server ${why}\n`);
            },
            leave,
          };
        },
        onAccount: accounts.add,
        onListing: (listing) => hooks?.onListing(name, listing),
        onState: (state) => hooks?.onState(name, state),
        random,
        now,
      }),
    );
  }

  return ok({
    modules: modules.map(({ module }) => module),
    start(to) {
      hooks = to;
      for (const module of modules) module.start();
    },
    async settled() {
      await Promise.all(modules.map((module) => module.settled()));
    },
    states: () => new Map(modules.map(({ module, state }) => [module.name, state()])),
    hasUser: (userId) => modules.some((module) => module.hasUser(userId)),
    async endUser(userId) {
      await Promise.all(modules.map((module) => module.endUser(userId)));
    },
    async sweep() {
      await Promise.all(modules.map((module) => module.sweep()));
    },
    async stop() {
      await Promise.all(modules.map((module) => module.stop()));
    },
  });
}

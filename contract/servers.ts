/** Servers of one's own: what the configuration says of an MCP server whose tools become a module. Pure, no dependency. */
import { isRecord } from "./json.ts";
import { TOOL_NAME } from "./names.ts";
import { isSafeUrl } from "./safe-url.ts";

/** Name of a server and of the module that it becomes. No `__` and no `_` at the end: `module__tool` must have one border. */
export const SERVER_NAME = /^(?=.{1,31}$)[a-z](?:[a-z0-9-]|_(?!_|$))*$/;
/** Name of a secret of one's own, and of the variable or binding that holds it. */
export const OWN_SECRET_NAME = /^[A-Z][A-Z0-9_]{0,62}$/;
/** Modules that ship with mcpist; a server may not take one of their names. */
export const BUILT_IN_MODULES: readonly string[] = ["time", "github", "notion", "http_status"];

/** What a tool of a server is known to do, said by the operator: a server's own annotations are only shown. */
export interface ServerToolSettings {
  /** Changes nothing anywhere. Absent = it may. */
  readonly readOnly?: boolean | undefined;
  /** Twice is the same as once. Absent = it is not. */
  readonly idempotent?: boolean | undefined;
}

/** One server. Exactly one of `command` and `url` is there. */
export interface ServerSettings {
  /** Program and arguments of a child of the origin that speaks MCP over its standard streams. */
  readonly command?: readonly string[] | undefined;
  /**
   * Folder of the program, beside mcpist.config.ts: it is laid into the image, and is where the program runs. Its `bin`, `.venv/bin` and
   * `node_modules/.bin` come before PATH. An origin is told the absolute path.
   */
  readonly folder?: string | undefined;
  /** Streamable HTTP endpoint beside the origin. */
  readonly url?: string | undefined;
  /** Secret of one's own that the server at `url` gets as a bearer token. */
  readonly credential?: string | undefined;
  /** Secrets of one's own that a child finds in its environment. */
  readonly secrets?: readonly string[] | undefined;
  /** The child may read everything that the origin can: it is started even where it cannot get a user id of its own. */
  readonly trusted?: boolean | undefined;
  /** One process (or session) per user, for servers that keep state. */
  readonly perUser?: boolean | undefined;
  /** Calls under way at once, of all users together; absent = 8. */
  readonly concurrency?: number | undefined;
  /** Module whose connected account the server may use for its user: it gets the broker's short-lived token. */
  readonly account?: string | undefined;
  readonly description?: string | undefined;
  readonly tools?: Readonly<Record<string, ServerToolSettings>> | undefined;
}

/** Names of the secrets that a server needs. */
export const secretsOf = ({ secrets = [], credential }: ServerSettings): readonly string[] =>
  credential === undefined ? secrets : [...secrets, credential];

/**
 * How the image starts an origin that gives its servers user ids of their own: as 10001, with the right to change ids and to end what it
 * started, and no other, not even by becoming root.
 */
export const LAUNCHER: readonly string[] = [
  "setpriv",
  "--reuid=10001",
  "--regid=10001",
  "--clear-groups",
  "--inh-caps=-all,+setuid,+setgid,+kill",
  "--ambient-caps=-all,+setuid,+setgid,+kill",
  "--bounding-set=-all,+setuid,+setgid,+kill",
  "--securebits=+noroot,+noroot_locked",
  "--",
];
/** Where the image has the folder of a server. */
export const serverFolder = (name: string): string => `/app/servers/${name}`;

const isText = (value: unknown): value is string => typeof value === "string" && value.length > 0;
const isFlag = (value: unknown): boolean => value === undefined || typeof value === "boolean";
const isOptional = (value: unknown, pattern: RegExp): boolean =>
  value === undefined || (typeof value === "string" && pattern.test(value));

/** Checks what an origin is told of one server. */
export function isServerSettings(value: unknown): value is ServerSettings {
  if (!isRecord(value)) return false;
  const { command, folder, url, credential, secrets, tools, concurrency } = value;
  const isChild =
    Array.isArray(command) &&
    command.length > 0 &&
    command.every((part) => typeof part === "string" && !part.includes("\0"));
  return (
    (isChild && isText(command[0])
      ? url === undefined && credential === undefined
      : command === undefined && isSafeUrl(url)) &&
    (folder === undefined || (isChild && typeof folder === "string" && /^\/[^\0:]*$/.test(folder))) &&
    isOptional(credential, OWN_SECRET_NAME) &&
    (secrets === undefined ||
      (isChild &&
        Array.isArray(secrets) &&
        secrets.every((name) => typeof name === "string" && OWN_SECRET_NAME.test(name)))) &&
    isFlag(value["trusted"]) &&
    isFlag(value["perUser"]) &&
    (concurrency === undefined ||
      (Number.isInteger(concurrency) && Number(concurrency) >= 1 && Number(concurrency) <= 1000)) &&
    isOptional(value["account"], TOOL_NAME.shape) &&
    isOptional(value["description"], /^[^]{0,500}$/) &&
    (tools === undefined ||
      (isRecord(tools) &&
        Object.values(tools).every((tool) => isRecord(tool) && isFlag(tool["readOnly"]) && isFlag(tool["idempotent"]))))
  );
}

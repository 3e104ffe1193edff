/**
 * The MCP clients that are held against the gateway, unchanged, as their registries give them. test/clients/install.ts installs them
 * outside the tree, from the locks in test/clients/locks/.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** What is tried with a client, in this order. */
export const STEPS = ["signIn", "list", "parallel", "slow", "cancel", "windows", "refresh"] as const;
export type Step = (typeof STEPS)[number];

/** The program in test/clients/drivers/ that drives it. */
export type Driver = "typescript.ts" | "python_sdk.py" | "fast_mcp.py" | "mcp-remote.ts" | "inspector.ts";

/** What is installed by itself, from a lock. */
export interface Installed {
  readonly family: string;
  readonly version: string;
  /** As its registry calls it. */
  readonly name: string;
  readonly registry: "npm" | "pypi";
}

/** One version of one client. */
export interface ClientVersion extends Installed {
  readonly family: "TypeScript SDK" | "Python SDK" | "fastmcp" | "mcp-remote" | "Inspector";
  readonly driver: Driver;
  /** True for the oldest and the newest of a family, which every landing tries. */
  readonly sample: boolean;
  /** How it finds a revision: the sequence before 2026-07-28, or by asking which are served (`server/discover`). */
  readonly eras: readonly Era[];
  /** Steps that fail by a fault of the client's own, and which one; they are tried all the same, and must fail. */
  readonly faults?: Readonly<Partial<Record<Step, string>>>;
  /** Steps that this client has no way to take. */
  readonly without?: readonly Step[];
}
export type Era = "legacy" | "auto";

/** How the gateway presents tools: `get_module_schema` and `call`, or each as `module__tool`. */
export const PRESENTATIONS = ["meta", "native"] as const;
export type Presentation = (typeof PRESENTATIONS)[number];
/** Steps in which the presentation has no part: sign-in and tokens are over before any tool is named. */
const WITHOUT_TOOLS: ReadonlySet<Step> = new Set(["windows", "refresh"]);
/** What every landing tries natively as well, as id and era: the oldest and the newest. */
const NATIVE_SAMPLE: ReadonlySet<string> = new Set(["typescript-sdk-1.10.2 legacy", "python-sdk-2.3.0 auto"]);

type Details = Pick<ClientVersion, "family" | "name" | "registry" | "driver"> &
  Partial<Pick<ClientVersion, "eras" | "faults" | "without">>;
const clients = (details: Details, sample: readonly string[], others: readonly string[] = []): ClientVersion[] =>
  [...sample, ...others].map((version) => ({
    eras: ["legacy"],
    ...details,
    version,
    sample: sample.includes(version),
  }));

const TYPESCRIPT = { family: "TypeScript SDK", registry: "npm", driver: "typescript.ts" } as const;
const PYTHON = { family: "Python SDK", name: "mcp", registry: "pypi", driver: "python_sdk.py" } as const;
const SDK = { ...TYPESCRIPT, name: "@modelcontextprotocol/sdk" } as const;
const FASTMCP = { family: "fastmcp", name: "fastmcp", registry: "pypi", driver: "fast_mcp.py" } as const;
const REMOTE = { family: "mcp-remote", name: "mcp-remote", registry: "npm", driver: "mcp-remote.ts" } as const;

/** Of TypeScript 1.12. */
const LOST = "asks for the issuer's metadata at the root of its host, where an issuer with a path has none";

/** Oldest first. */
export const CLIENTS: readonly ClientVersion[] = [
  ...clients(SDK, ["1.10.2"]),
  ...clients({ ...SDK, faults: { signIn: LOST, refresh: LOST } }, [], ["1.12.3"]),
  ...clients(SDK, [], ["1.15.1", "1.18.2", "1.20.2", "1.25.3", "1.32.2"]),
  ...clients({ ...TYPESCRIPT, name: "@modelcontextprotocol/client", eras: ["legacy", "auto"] }, ["2.4.0"]),
  ...clients(PYTHON, ["1.9.4"], ["1.12.4", "1.20.0", "1.30.0"]),
  ...clients({ ...PYTHON, eras: ["legacy", "auto"] }, ["2.3.0"]),
  ...clients(FASTMCP, ["2.14.7"]),
  ...clients({ ...FASTMCP, eras: ["auto"] }, ["4.2.3"]),
  ...clients(REMOTE, ["0.1.18", "0.15.1"]),
  ...clients(
    {
      family: "Inspector",
      name: "@modelcontextprotocol/inspector",
      registry: "npm",
      driver: "inspector.ts",
      eras: ["legacy", "auto"],
      without: ["parallel", "slow", "cancel", "windows", "refresh"],
    },
    ["2.12.0"],
  ),
];

/** An issuer that is not Supabase, certified by the OpenID Foundation; no client, and installed with the sample. */
export const OIDC_PROVIDER: Installed = {
  family: "oidc-provider",
  version: "9.13.3",
  name: "oidc-provider",
  registry: "npm",
};

/** Name of a client's folder and of its lock, e.g. `python-sdk-1.9.4`. */
export const idOf = ({ family, version }: Installed): string =>
  `${family.toLowerCase().replaceAll(" ", "-")}-${version}`;

/** Steps that are taken with this client. */
export const stepsOf = ({ without = [] }: ClientVersion, presentation: Presentation): readonly Step[] =>
  STEPS.filter((step) => !without.includes(step) && !(presentation === "native" && WITHOUT_TOOLS.has(step)));

/** One way in which one client meets the gateway. */
export interface Meeting {
  readonly client: ClientVersion;
  readonly era: Era;
  readonly presentation: Presentation;
}

/** Every way of these clients; natively the sample, or with `MCPIST_CLIENT_SET=all` all of them. */
export const meetingsOf = (
  clients: readonly ClientVersion[],
  set: string | undefined = process.env["MCPIST_CLIENT_SET"],
): readonly Meeting[] =>
  PRESENTATIONS.flatMap((presentation) =>
    clients.flatMap((client) =>
      client.eras
        .filter((era) => presentation === "meta" || set === "all" || NATIVE_SAMPLE.has(`${idOf(client)} ${era}`))
        .map((era) => ({ client, era, presentation })),
    ),
  );

/** Where the clients are installed: `MCPIST_CLIENTS`, else below the cache that `.ci/tools` uses. */
const CLIENTS_FOLDER =
  process.env["MCPIST_CLIENTS"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mcpist", "clients");

export const folderOf = (client: Installed): string => join(CLIENTS_FOLDER, idOf(client));

/** The file that names everything that is installed, with a hash of each. */
export const lockOf = (client: Installed): string =>
  join(
    import.meta.dirname,
    "locks",
    idOf(client),
    client.registry === "npm" ? "package-lock.json" : "requirements.txt",
  );

/** Stands in the folder of a client once all of it is there: the hash of the lock that it came from. */
export const stampOf = (client: Installed): string => join(folderOf(client), ".installed");
export const lockHash = (client: Installed): string =>
  createHash("sha256")
    .update(readFileSync(lockOf(client)))
    .digest("hex");

/** True once a client is there as its lock says. */
export function isInstalled(client: Installed): boolean {
  const stamp = stampOf(client);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === lockHash(client);
}

/** The clients of one run: the sample, or with `MCPIST_CLIENT_SET=all` every one. */
export const chosen = (set: string | undefined = process.env["MCPIST_CLIENT_SET"]): readonly ClientVersion[] =>
  CLIENTS.filter(({ sample }) => sample || set === "all");

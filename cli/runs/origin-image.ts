/** The recipe of an origin's image, from what stands in its build context. Pure: text in, text out. */
import { LAUNCHER } from "../../contract/servers.ts";

/** A server whose folder is laid in. What it needs is installed while the image is built: nothing is downloaded when it starts. */
export interface LaidServer {
  readonly name: string;
  /** node = it has a package-lock.json · python = it has a requirements.txt · ready = it runs as it stands. */
  readonly kind: "node" | "python" | "ready";
}

/** What an image is made of. */
export interface ImageParts {
  /** Modules of one's own are in the context. */
  readonly modules: boolean;
  readonly servers: readonly LaidServer[];
  /** The origin starts programs. */
  readonly programs: boolean;
  /** They get user ids of their own: the container starts with the right to change ids, and gives up every other one at once. */
  readonly separated: boolean;
}

/**
 * What is process 1 where the platform has no init of its own, and a subreaper where it has one. Node waits for the programs that it
 * started, and never for what those leave behind: each would stay in the table of processes until the container ends.
 */
const INIT = ["tini", "-s", "--"];
/** Debian's; a mend of Debian's is taken, another release is not. */
const INIT_PACKAGE = "tini=0.19.0-*";

const folderOf = ({ name }: LaidServer): string => `/app/servers/${name}`;
const APT = "rm -rf /var/lib/apt/lists/*";
const apt = (packages: string): string =>
  `RUN apt-get update && apt-get install -y --no-install-recommends ${packages} && ${APT}`;

/** The stage that installs, for servers that need it; empty when none does. */
function installing(image: string, servers: readonly LaidServer[]): string {
  const needy = servers.filter(({ kind }) => kind !== "ready");
  if (needy.length === 0) return "";
  const lines = needy.map((server) =>
    server.kind === "node"
      ? `RUN cd ${folderOf(server)} && npm ci --omit=dev --ignore-scripts`
      : `RUN python3 -m venv ${folderOf(server)}/.venv && ${folderOf(server)}/.venv/bin/pip install --no-cache-dir -r ${folderOf(server)}/requirements.txt`,
  );
  const python = needy.some(({ kind }) => kind === "python") ? [apt("python3 python3-venv")] : [];
  return `${[`FROM ${image} AS servers`, ...python, "COPY app/servers /app/servers", ...lines].join("\n")}\n\n`;
}

const entry = (words: readonly string[]): string => `ENTRYPOINT ${JSON.stringify(words)}`;

/** As whom the container runs, and under what. */
function running(programs: boolean, separated: boolean): string {
  const init = "# What programs leave behind when they end is collected by an init; node does not do that.";
  if (!separated) return [...(programs ? [init, entry(INIT)] : []), "USER 10001:10001"].join("\n");
  return [
    init,
    "# The origin runs as 10001 and starts each server under an id of its own. For that it keeps the right to change ids and to end what it",
    "# started, and nothing else; user id 0 is worth nothing in it.",
    entry([...LAUNCHER, ...INIT]),
  ].join("\n");
}

/** Fills in the template. */
export function dockerfileOf(template: string, { modules, servers, programs, separated }: ImageParts): string {
  const image = /^FROM (\S+)$/m.exec(template)?.[1] ?? "";
  const stage = installing(image, servers);
  const packages = [
    ...(servers.some(({ kind }) => kind === "python") ? ["python3"] : []),
    ...(programs ? [INIT_PACKAGE] : []),
  ];
  return template
    .replace(/^FROM (\S+)$/m, `${stage}FROM ${image}${packages.length > 0 ? `\n${apt(packages.join(" "))}` : ""}`)
    .replace(
      /^COPY --chown=0:0 app \/app$/m,
      (line) => line + (stage === "" ? "" : "\nCOPY --from=servers --chown=0:0 /app/servers /app/servers"),
    )
    .replace(/^USER .*$/m, running(programs, separated))
    .replace(" MCPIST_MODULES=/app/modules.mjs", (given) => (modules ? given : ""));
}

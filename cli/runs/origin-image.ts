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
  /** Servers get user ids of their own: the container starts with the right to change ids, and gives up every other one at once. */
  readonly separated: boolean;
}

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

/** As whom the container runs. */
function running(separated: boolean): string {
  if (!separated) return "USER 10001:10001";
  return [
    "# The origin runs as 10001 and starts each server under an id of its own. For that it keeps the right to change ids and to end what it",
    "# started, and nothing else; user id 0 is worth nothing in it.",
    `ENTRYPOINT ${JSON.stringify(LAUNCHER)}`,
  ].join("\n");
}

/** Fills in the template. */
export function dockerfileOf(template: string, { modules, servers, separated }: ImageParts): string {
  const image = /^FROM (\S+)$/m.exec(template)?.[1] ?? "";
  const stage = installing(image, servers);
  const python = servers.some(({ kind }) => kind === "python");
  return template
    .replace(/^FROM (\S+)$/m, `${stage}FROM ${image}${python ? `\n${apt("python3")}` : ""}`)
    .replace(
      /^COPY --chown=0:0 app \/app$/m,
      (line) => line + (stage === "" ? "" : "\nCOPY --from=servers --chown=0:0 /app/servers /app/servers"),
    )
    .replace(/^USER .*$/m, running(separated))
    .replace(" MCPIST_MODULES=/app/modules.mjs", (given) => (modules ? given : ""));
}

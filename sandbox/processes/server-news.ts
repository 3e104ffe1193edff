/** What an origin's log says of somebody's own servers, in words for whoever runs the sandbox. */

/** Lines of the log that are about servers. */
export const ABOUT_SERVERS = /"event":"(?:server_state|server_output|tools_left_out|tool_changed)"/;
/** Last words of a server that are shown when it is down. */
const MAX_WORDS = 5;

type Entry = Readonly<Record<string, unknown>>;

/** Collects what a server writes to standard error, and shows it when the server is down: most servers write while they are well. */
export class ServerNews {
  readonly #words = new Map<string, string[]>();
  readonly #down = new Set<string>();

  /** @returns lines for the operator. */
  lines({ event, server, state, text, module, tool, ...more }: Entry): readonly string[] {
    if (event === "tool_changed")
      return [`the tool ${String(tool)} of the server "${String(module)}" changed and is withheld`];
    if (typeof server !== "string") return [];
    const words = this.#words.get(server) ?? [];
    if (event === "server_output") {
      // A server that is down is started again and again, and says the same each time.
      if (this.#down.has(server)) return [];
      this.#words.set(server, [...words, String(text)].slice(-MAX_WORDS));
      return [];
    }
    if (event === "tools_left_out") {
      const { at: _at, severity: _severity, level: _level, ...reasons } = more;
      return [`tools of the server "${server}" are left out: ${JSON.stringify(reasons)}`];
    }
    if (event !== "server_state") return [];
    if (state === "up") {
      this.#words.delete(server);
      return this.#down.delete(server) ? [`the server "${server}" is up again`] : [];
    }
    if (state !== "down" || this.#down.has(server)) return [];
    this.#down.add(server);
    return [`the server "${server}" is down, and is tried again`, ...words.map((word) => `  ${server}: ${word}`)];
  }
}

/**
 * Stands where GitHub's API stands for the module `github`, so that a tool takes as long as a test says: it answers late for repositories
 * called `slow-…`, never for `hang-…`, and says when it was asked and when whoever asked was gone.
 */
import { createServer, type ServerResponse } from "node:http";
import { type Listening, onLoopback } from "../../worker/test/loopback.ts";

/** Longer than the 5 s that common HTTP clients wait for a first byte. Unit: milliseconds. */
const SLOW_MS = 6500;
/** How long a question waits for its event; the module itself gives up after 15 s. Unit: milliseconds. */
const PATIENCE_MS = 4000;

/** The running stand-in. */
export type SlowGithub = Listening;

/** One event that may be asked for before or after it happened. */
class Moment {
  #over = false;
  readonly #waiting = new Set<ServerResponse>();

  happen(): void {
    this.#over = true;
    for (const response of this.#waiting) response.end("true");
  }

  /** Answers `true` when it happens, `false` when it did not in time. */
  tell(response: ServerResponse): void {
    response.setHeader("content-type", "application/json");
    if (this.#over) {
      response.end("true");
      return;
    }
    this.#waiting.add(response);
    const timer = setTimeout(() => response.end("false"), PATIENCE_MS);
    response.once("close", () => {
      clearTimeout(timer);
      this.#waiting.delete(response);
    });
  }
}

/** Starts it on loopback. */
export async function startSlowGithub(): Promise<SlowGithub> {
  const asked = new Map<string, Moment>();
  const gone = new Map<string, Moment>();
  const of = (moments: Map<string, Moment>, name: string): Moment => {
    const moment = moments.get(name) ?? new Moment();
    moments.set(name, moment);
    return moment;
  };
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/\?.*$/, "");
    const [, kind, name = ""] = /^\/(asked|gone)\/([\w.-]+)$/.exec(path) ?? [];
    if (kind) {
      of(kind === "asked" ? asked : gone, name).tell(response);
      return;
    }
    const [, repository = ""] = /^\/repos\/clients\/([\w.-]+)\/issues$/.exec(path) ?? [];
    response.setHeader("content-type", "application/json");
    if (repository.startsWith("slow-")) {
      const timer = setTimeout(() => response.end("[]"), SLOW_MS);
      response.once("close", () => clearTimeout(timer));
    } else if (repository.startsWith("hang-")) {
      response.once("close", () => of(gone, repository).happen());
      of(asked, repository).happen();
    } else response.writeHead(404).end('{"message":"Not Found"}');
  });
  return onLoopback(server);
}

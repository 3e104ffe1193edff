/**
 * Drives mcp-remote as a desktop host does: a program that speaks MCP on its standard streams. The address that it would open in a
 * browser is read from its log. Windows are processes that share what it keeps on disk.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Task } from "../task.ts";
import { browse, freePort, messageOf, PARALLEL, runSteps, WINDOWS, toolCall } from "./steps.ts";

const task = JSON.parse(await text(process.stdin)) as Task;
const PROGRAM = join(task.folder, "node_modules/mcp-remote/dist/proxy.js");
/** Its own choice follows from the server's address alone: two people on one machine would share it. */
const PORT = String(await freePort());
const REVISION = "2025-06-18";

interface Answer {
  readonly id?: number;
  readonly result?: { readonly tools?: readonly { readonly name: string }[] } & {
    readonly isError?: boolean;
    readonly content?: readonly { readonly text?: string }[];
  };
  readonly error?: { readonly code: number; readonly message: string };
}
type Result = NonNullable<Answer["result"]>;

/** Ended with this program, also when it gives up on a step. */
const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** One process of mcp-remote with the host's end of its streams. */
class Window {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer | Error) => void>();
  #next = 0;
  #log = "";

  constructor(person: string, home: string) {
    const env = { PATH: "/usr/bin:/bin", HOME: home, MCP_REMOTE_CONFIG_DIR: join(home, "auth"), NO_COLOR: "1" };
    this.#child = spawn(process.execPath, [PROGRAM, task.url, PORT, "--allow-http", "--transport", "http-only"], {
      env,
    });
    children.add(this.#child);
    const { stdout, stderr, stdin } = this.#child;
    stdin?.on("error", () => undefined);
    if (stdout) createInterface(stdout).on("line", (line) => this.#said(line));
    if (stderr) createInterface(stderr).on("line", (line) => this.#logged(line, person));
    this.#child.on("exit", () => {
      children.delete(this.#child);
      for (const settle of this.#waiting.values())
        settle(new Error(`mcp-remote ended: ${/\S*Error.*/.exec(this.#log)?.[0] ?? this.#log.slice(-250)}`));
      this.#waiting.clear();
    });
  }

  #said(line: string): void {
    const answer = JSON.parse(line) as Answer;
    if (answer.id === undefined) return;
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }

  /** The person sees the address and consents; the browser goes on to mcp-remote's own server. */
  #logged(line: string, person: string): void {
    this.#log += `${line} `;
    const [, address] = /^(?:\[\d+\] )?(https?:\/\/\S+\/oauth\/authorize\?\S+)/.exec(line) ?? [];
    if (address === undefined) return;
    browse(address, person).catch((error: unknown) => {
      this.#log += `${messageOf(error)} `;
    });
  }

  send(message: object): void {
    this.#child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  /** @returns the request's id and its result to come. */
  begin(method: string, params: object): { readonly id: number; readonly result: Promise<Result> } {
    const id = this.#next++;
    const result = new Promise<Result>((resolve, reject) => {
      this.#waiting.set(id, (answer) => {
        if (answer instanceof Error) reject(answer);
        else if (answer.result) resolve(answer.result);
        else reject(new Error(`${answer.error?.code} ${answer.error?.message}`));
      });
    });
    this.send({ id, method, params });
    return { id, result };
  }

  request(method: string, params: object = {}): Promise<Result> {
    return this.begin(method, params).result;
  }

  async initialize(): Promise<this> {
    const clientInfo = { name: "mcpist-client-matrix", version: "1.0.0" };
    await this.request("initialize", { protocolVersion: REVISION, capabilities: {}, clientInfo });
    this.send({ method: "notifications/initialized" });
    return this;
  }

  async close(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.stdin?.end();
    this.#child.kill();
    await gone;
  }
}

const issues = (kind: string) =>
  toolCall(task, "github", "list_issues", { owner: "clients", repo: `${kind}-${task.id}` });

async function call(window: Window, what: object): Promise<void> {
  const { isError, content } = await window.request("tools/call", what);
  if (isError === true) throw new Error(`the tool said: ${content?.[0]?.text ?? ""}`);
}
const now = (window: Window) => call(window, toolCall(task, "time", "now", {}));

const HOME = join(task.home, "person");
async function within<T>(use: (window: Window) => Promise<T>, person = task.person, home = HOME): Promise<T> {
  const window = new Window(person, home);
  try {
    return await use(await window.initialize());
  } finally {
    await window.close();
  }
}

await runSteps(task, {
  signIn: () => within(async () => ""),
  list: () =>
    within(async (window) => ((await window.request("tools/list")).tools ?? []).map(({ name }) => name).join(" ")),
  parallel: () =>
    within(async (window) => {
      await Promise.all(Array.from({ length: PARALLEL }, () => now(window)));
      return "";
    }),
  slow: () =>
    within(async (window) => {
      await call(window, issues("slow"));
      return "";
    }),
  cancel: () =>
    within(async (window) => {
      const repo = `hang-${task.id}`;
      // A host that cancels waits for no answer.
      const { id, result } = window.begin("tools/call", issues("hang"));
      result.catch(() => undefined);
      await fetch(`${task.slowGithub}/asked/${repo}`);
      window.send({ method: "notifications/cancelled", params: { requestId: id } });
      await now(window);
      return (await (await fetch(`${task.slowGithub}/gone/${repo}`)).text()) === "true" ? "stopped" : "ran on";
    }),
  windows: async () => {
    const open = () =>
      within(async (window) => {
        await window.request("tools/list");
        await now(window);
      });
    await Promise.all(Array.from({ length: WINDOWS }, open));
    return "";
  },
  refresh: () =>
    within(
      async (window) => {
        await now(window);
        await sleep((task.secondsLeft + 1) * 1000);
        await now(window);
        return "";
      },
      task.hastyPerson,
      join(task.home, "hasty"),
    ),
});
process.exit();

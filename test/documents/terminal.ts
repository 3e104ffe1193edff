/** A terminal at which somebody follows a document: joined to a sandbox that rehearses the repository's own environment. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import { findClient } from "../../sandbox/test/client.ts";
import { commandsOf, programsOf, type Block } from "./blocks.ts";

const ROOT = join(import.meta.dirname, "../..");
const MAIN = join(ROOT, "cli/main.ts");
const NPX = findClient("npx") ?? "npx";
/** Compiled code is the same for every terminal. */
const CACHE = join(ROOT, "node_modules/.cache");
/** For one block. Unit: milliseconds. */
export const BLOCK_MS = 400_000;
const START_MS = 180_000;
const UNEXPECTED = 99;

/** What a block did. */
export interface Ran {
  readonly exitCode: number | undefined;
  /** What a person would have seen, in order. */
  readonly text: string;
}

/** A terminal and what it left running. */
export class Terminal {
  readonly #folder = mkdtempSync(join(tmpdir(), "mcpist-document-"));
  readonly #running: ChildProcess[] = [];
  #joined: Readonly<Record<string, string>> = {};

  constructor() {
    mkdirSync(join(this.#folder, "tmp"));
    this.#program("mcpist", process.execPath, MAIN);
    // In a project npx finds the package; in this checkout it is the command itself.
    this.#script("npx", `[ "$1" = mcpist ] && shift && exec "$(dirname "$0")/mcpist" "$@"\nexec '${NPX}' "$@"`);
    const fly = findClient("flyctl");
    if (fly !== null) this.#program("fly", fly);
  }

  /** A program of that name, first on the PATH. */
  #program(name: string, ...words: readonly string[]): void {
    this.#script(name, `exec ${words.map((word) => `'${word}'`).join(" ")} "$@"`);
  }

  #script(name: string, text: string): void {
    const file = join(this.#folder, name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
  }

  /** What every command finds: the PATH of a person who has the clients, a home of their own, no color. */
  #plain(): Readonly<Record<string, string>> {
    const clients = ["flyctl", "koyeb", "gh", "psql"].flatMap((name) => findClient(name) ?? []).map(dirname);
    const path = [this.#folder, join(ROOT, "node_modules/.bin"), ...clients, process.env["PATH"] ?? ""];
    // Not the home itself: wrangler never ends where both are one.
    const TMPDIR = join(this.#folder, "tmp");
    return { PATH: path.join(delimiter), HOME: this.#folder, XDG_CACHE_HOME: CACHE, TMPDIR, NO_COLOR: "1", CI: "1" };
  }

  /** Starts a sandbox with the given arguments and joins it. */
  async join(...args: readonly string[]): Promise<void> {
    // The document's reader has not started this one: it is in no list of theirs.
    const env = { ...this.#plain(), TMPDIR: mkdtempSync(join(this.#folder, "cloud-")) };
    const child = this.#start([process.execPath, MAIN, "sandbox", "--json", ...args], env);
    const text = await printed(child, (sofar) => sofar.trimEnd().endsWith("\n}"));
    const { env: joined } = JSON.parse(text) as { readonly env: Readonly<Record<string, string>> };
    const owner = new URL(joined["DATABASE_URL"] ?? "");
    writeFileSync(
      join(this.#folder, "pg_service.conf"),
      `[mcpist-owner]\nhost=${owner.hostname}\nport=${owner.port}\nuser=${owner.username}\ndbname=${owner.pathname.slice(1)}\nsslmode=disable\n`,
    );
    this.#joined = {
      ...joined,
      PGSERVICEFILE: join(this.#folder, "pg_service.conf"),
      GH_REPO: `${joined["GH_HOST"]}/acme/mcp`,
    };
  }

  /** The names of programs that a block needs and nobody installed here. */
  static absent(block: Block): readonly string[] {
    return programsOf(block).filter((name) => findClient(name) === null);
  }

  /** Does what the block says, as a person who reads it would: command after command in one shell. */
  async follow(block: Block): Promise<Ran> {
    const { notes } = block;
    if (notes.state !== null) this.#write(...notes.state);
    const env = { ...this.#plain(), ...(notes.apart ? {} : this.#joined) };
    const script = block.language === "sql" ? sqlScript(block) : shellScript(block);
    if (notes.stays !== null) {
      const wanted = notes.stays;
      const child = this.#start(["bash", "-c", script], env);
      return { exitCode: 0, text: await printed(child, (sofar) => sofar.includes(wanted)) };
    }
    const control = (JSON.parse(this.#joined["MCPIST_SANDBOX"] ?? "{}") as { readonly control?: string }).control;
    const scenario = notes.scenario === null ? null : `${control}/scenarios/${notes.scenario}`;
    if (scenario !== null)
      await fetch(scenario, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
    const { exitCode, all } = await execa("bash", ["-c", script], {
      cwd: ROOT,
      env,
      extendEnv: false,
      all: true,
      reject: false,
      verbose: "none",
      timeout: BLOCK_MS,
      input:
        notes.stdin === null
          ? ""
          : `${notes.stdin.replaceAll(/\$(\w+)/g, (_, name: string) => env[name as keyof typeof env] ?? "")}\n`,
    });
    if (scenario !== null) await fetch(scenario, { method: "DELETE" });
    // What a command prints to carry a state on is what a reader takes over.
    const carried = /export MCPIST_SANDBOX='(.*)'/.exec(all)?.[1];
    if (carried !== undefined && !notes.apart) this.#joined = { ...this.#joined, MCPIST_SANDBOX: carried };
    return { exitCode, text: all };
  }

  /** An origin's state in the configuration. */
  #write(origin: string, state: string): void {
    const urls = JSON.parse(this.#joined["MCPIST_SANDBOX"] ?? "{}") as { readonly states?: Record<string, string> };
    const MCPIST_SANDBOX = JSON.stringify({ ...urls, states: { ...urls.states, [origin]: state } });
    this.#joined = { ...this.#joined, MCPIST_SANDBOX };
  }

  #start([program = "", ...args]: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    const child = spawn(program, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.#running.push(child);
    return child;
  }

  /** Ends what runs, in the order of its start reversed. */
  async close(): Promise<void> {
    for (const child of this.#running.toReversed()) {
      if (child.exitCode !== null || child.pid === undefined) continue;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      process.kill(-child.pid, "SIGINT");
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const filled = (block: Block, text: string): string =>
  block.notes.placeholders.reduce(
    (sofar, [name, value]) => sofar.replaceAll(new RegExp(`\\b${name}\\b`, "g"), () => value),
    text,
  );

/** Each command, and after it the question whether it ended as the document says. */
function shellScript(block: Block): string {
  const { exits } = block.notes;
  return commandsOf(block)
    .map((command, index) => {
      const wanted = exits[index] ?? exits[0] ?? 0;
      return `${filled(block, command)}\ncode=$?\n[ $code -eq ${wanted} ] || { echo "this ended with $code, not ${wanted}: line ${index + 1} of the block" >&2; exit ${UNEXPECTED}; }`;
    })
    .join("\n");
}

const sqlScript = (block: Block): string =>
  `psql service=mcpist-owner -X -v ON_ERROR_STOP=1 <<'END_OF_BLOCK'\n${filled(block, block.text)}\nEND_OF_BLOCK`;

/** What a program printed up to a moment. @throws when it ends before. */
async function printed(child: ChildProcess, enough: (sofar: string) => boolean): Promise<string> {
  let [out, all] = ["", ""];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error(`nothing after ${START_MS / 1000} s:\n${all}`)), START_MS);
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk.toString();
    all += chunk.toString();
    if (enough(out)) resolve(out);
  });
  child.stderr?.on("data", (chunk: Buffer) => (all += chunk.toString()));
  child.once("exit", (code) => reject(new Error(`ended with ${code}:\n${all}`)));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** docs/your-own-server.md, "Ten minutes in the sandbox", as a newcomer types it: every command, and everything that the page says it prints. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A block of commands with what the page says it prints; null = the page shows nothing. */
interface Step {
  readonly commands: string;
  readonly prints: string | null;
}

async function stepsOfPage(): Promise<readonly Step[]> {
  const page = await readFile(join(ROOT, "docs/your-own-server.md"), "utf8");
  const section = /^## Ten minutes in the sandbox$(.*?)^## /ms.exec(page)?.[1] ?? "";
  return [...section.matchAll(/^```sh\n(.*?)^```\n(?:```text\n(.*?)^```\n)?/gms)].map(([, commands = "", prints]) => ({
    commands,
    prints: prints ?? null,
  }));
}

let home: string;
let sandbox: ChildProcess;
let later: readonly Step[];
const variables = (): NodeJS.ProcessEnv => ({
  HOME: home,
  // What runs elsewhere on this machine is another's.
  TMPDIR: join(home, "tmp"),
  PATH: [join(home, "bin"), join(ROOT, "node_modules/.bin"), process.env["PATH"]].join(":"),
});

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "mcpist-page-"));
  await Promise.all(["bin", "tmp"].map((folder) => mkdir(join(home, folder))));
  // What an installation puts into PATH.
  await writeFile(join(home, "bin/mcpist"), `#!/bin/sh\nexec node ${join(ROOT, "cli/main.ts")} "$@"\n`, {
    mode: 0o755,
  });
  const [first, ...others] = await stepsOfPage();
  later = others;
  sandbox = spawn("/bin/bash", ["-ec", first?.commands.replace(/^mcpist/m, "exec mcpist") ?? ""], {
    cwd: ROOT,
    env: variables(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  const runs = Promise.withResolvers<void>();
  for (const stream of [sandbox.stdout, sandbox.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output.push(text);
      if (output.join("").includes("Press Ctrl-C to end it.")) runs.resolve();
    });
  void once(sandbox, "exit").then(() => runs.reject(new Error(`the sandbox ended: ${output.join("")}`)));
  await runs.promise;
}, 120_000);
afterAll(async () => {
  if (sandbox.exitCode === null) {
    const ended = once(sandbox, "exit");
    sandbox.kill("SIGINT");
    await ended;
  }
  await rm(home, { recursive: true, force: true });
});

/** What a shell prints that runs `commands`. @throws when one fails. */
async function run(commands: string): Promise<string> {
  const shell = spawn("/bin/bash", ["-ec", commands], {
    cwd: ROOT,
    env: variables(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err]: [string[], string[]] = [[], []];
  shell.stdout.setEncoding("utf8").on("data", (text: string) => out.push(text));
  shell.stderr.setEncoding("utf8").on("data", (text: string) => err.push(text));
  const [code] = (await once(shell, "close")) as [number];
  if (code !== 0) throw new Error(`exit ${code}: ${err.join("")}`);
  return out.join("");
}

it("does what it says", async () => {
  expect(later.length).toBeGreaterThan(4);
  // One terminal: where it went and what it joined holds for the blocks that follow.
  const setUp = /^(?:cd|eval) .*$/gm;
  const before = later[0]?.commands.match(setUp)?.join("\n") ?? "";
  for (const { commands, prints } of later) {
    const own = commands.replace(setUp, "");
    // A grant is in force within seconds.
    await vi.waitFor(
      async () => {
        const printed = await run(`${before}\n${own}`);
        if (prints !== null) expect(printed).toBe(prints);
      },
      { timeout: 40_000, interval: 500 },
    );
  }
}, 180_000);

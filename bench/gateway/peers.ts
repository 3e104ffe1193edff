/** Starts every proxy of the benchmark on the same core, one process each, in front of the same origin. */
import { spawn, type ChildProcess } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** A running process of the benchmark. */
export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess;
}

/** A free port on loopback; taken and given back at once. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Core of the proxies, and the core of load and origin; null where there is only one. */
export const CORES = availableParallelism() > 1 ? ({ proxy: 0, rest: 1 } as const) : null;

/** Starts a command, on its core where there is a choice, and waits until it listens. @throws when it does not within 10 s. */
export async function startPeer(
  name: string,
  port: number,
  command: { readonly file: string; readonly args: readonly string[] },
  environment: Readonly<Record<string, string>>,
  core: number | null,
): Promise<Peer> {
  const pinned =
    core === null ? [command.file, ...command.args] : ["taskset", "-c", String(core), command.file, ...command.args];
  const [file = "", ...args] = pinned;
  const child = spawn(file, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { PATH: process.env["PATH"] ?? "", ...environment },
  });
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    if (await answers(port)) return { name, port, child };
    await sleep(50);
  }
  child.kill();
  throw new Error(`${name} does not listen on port ${port}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Processor time of a process so far, all threads that live. Unit: microseconds. Linux only; NaN elsewhere. */
export async function cpuMicroseconds(child: ChildProcess): Promise<number> {
  const tasks = `/proc/${child.pid}/task`;
  const threads = await readdir(tasks).catch(() => []);
  // Nanoseconds on the processor come first (Documentation/scheduler/sched-stats.rst); /proc/pid/stat counts hundredths of a second.
  const times = await Promise.all(
    threads.map(async (id) => Number.parseInt(await readFile(`${tasks}/${id}/schedstat`, "utf8").catch(() => "0"), 10)),
  );
  return threads.length === 0 ? Number.NaN : times.reduce((sum, time) => sum + time, 0) / 1000;
}

/** Resident memory of a process. Unit: megabytes. */
export async function memoryMegabytes(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** Ends a process and waits for it. */
export async function stopPeer({ child }: Peer): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill();
  await ended;
}

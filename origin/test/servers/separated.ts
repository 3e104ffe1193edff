/** A program for tests: runs one hostile server as an origin would, with its own environment set at exec, and prints what it found. */
import process from "node:process";
import { existsSync, readFileSync } from "node:fs";
import { findSeparator } from "../../servers/separation.ts";
import { createServers } from "../../servers/servers.ts";

const [script = "", file = ""] = process.argv.slice(2);
const servers = createServers(
  { hostile: { command: ["/bin/sh", script, file] } },
  {
    secrets: new Map(),
    separator: findSeparator(readFileSync("/proc/self/status", "utf8"), "/usr/bin:/bin", existsSync),
    path: "/usr/bin:/bin",
    version: "0",
    fetch,
    random: Math.random,
    now: () => performance.now(),
  },
);
if (!servers.ok) throw new Error(servers.error);
// Not only settled(), which ends with its time, on a slow machine before the list is there.
const listed = Promise.withResolvers<void>();
servers.value.start({ onListing: () => listed.resolve(), onState: () => {}, onStderr: () => {} });
await listed.promise;
const tool = servers.value.modules[0]?.tools.get("pry");
const result = (await tool?.run(
  {},
  {
    signal: new AbortController().signal,
    now: () => new Date(),
    requestId: "r",
    userId: "u",
    traceparent: null,
    token: () => Promise.reject(new Error("no account")),
    progress: null,
  },
)) as { readonly result: { readonly content: readonly { readonly text: string }[] } };
process.stdout.write(Buffer.from(result.result.content[0]?.text ?? "", "hex"));
await servers.value.stop();

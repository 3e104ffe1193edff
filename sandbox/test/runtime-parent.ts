/** A program for tests: runs a Worker in workerd, says the process ids of its children, and waits to be killed. Linux only. */
import { readFileSync } from "node:fs";
import { startKit } from "../vendors/cloudflare/test/emulator.ts";

const kit = await startKit();
await kit.put("echo", { bindings: [] });
await kit.ask("echo", "/");
const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8")
  .trim()
  .split(" ")
  .map(Number);
process.stdout.write(`${JSON.stringify(children)}\n`);

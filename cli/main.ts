#!/usr/bin/env node
import { keepCompiledCode } from "./compile-cache.ts";

keepCompiledCode();
const [{ realContext }, { run }, { lostAnswer }] = await Promise.all([
  import("./context.ts"),
  import("./program.ts"),
  import("./streams.ts"),
]).catch((error: NodeJS.ErrnoException) => {
  // Nothing is loaded that could say it better.
  if (error.code !== "EMFILE" && error.code !== "ENFILE") throw error;
  process.stderr.write(`error: this process has too few file descriptors (${error.code}) (ERR_MACHINE)\n`);
  process.stderr.write("hint:  ulimit -n 4096, then run the command again\n");
  process.exit(1);
});
const context = realContext();
const exitCode = await run(process.argv.slice(2), context);
const fault = await lostAnswer();
if (fault !== null) process.stderr.write(`warning: the answer could not be written to standard output (${fault})\n`);
// Of what was done the code tells the truth; a command that only answers has failed when its answer is lost.
process.exitCode = fault !== null && exitCode === 0 && !context.acted() ? 1 : exitCode;
// What is done is done: a library that leaves a handle behind (the local runtime's file watcher does, now and then) must not keep
// a finished command from ending. Unreferenced, so that nobody waits who need not.
setTimeout(() => process.exit(), 1000).unref();

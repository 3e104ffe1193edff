#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// Compiled code is kept between starts, so that `mcpist --help` answers at once. It holds code only, never data.
enableCompileCache();
const [{ realContext }, { run }] = await Promise.all([import("./context.ts"), import("./program.ts")]);
process.exitCode = await run(process.argv.slice(2), realContext());
// What is done is done: a library that leaves a handle behind (the local runtime's file watcher does, now and then) must not keep
// a finished command from ending. Unreferenced, so that nobody waits who need not.
setTimeout(() => process.exit(), 1000).unref();

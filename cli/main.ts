#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// Compiled code is kept between starts, so that `mcpist --help` answers at once. It holds code only, never data.
enableCompileCache();
const [{ realContext }, { run }] = await Promise.all([import("./context.ts"), import("./run.ts")]);
process.exitCode = await run(process.argv.slice(2), realContext());

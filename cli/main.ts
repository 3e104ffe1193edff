#!/usr/bin/env node
import { realContext } from "./context.ts";
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2), realContext());

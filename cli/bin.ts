#!/usr/bin/env node
/**
 * The command of the package. Says in one sentence that this Node is too old, before anything is loaded that an old one cannot read; for
 * that reason nothing is imported here.
 */
const NEEDED = [22, 18];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 18)) await import("./main.ts");
else {
  process.stderr.write(
    `error: mcpist needs Node ${NEEDED.join(".")} or newer, and this is ${process.versions.node} (ERR_NODE)\n` +
      "hint:  npx --package node@24 --package mcpist mcpist, or https://nodejs.org\n",
  );
  process.exitCode = 2;
}

#!/usr/bin/env node
/**
 * The command of the package. Says in one sentence that this Node is too old, before anything is loaded that an old one cannot read; for
 * that reason nothing is imported here.
 */
const NEEDED = [22, 18] as const;
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) await import("./main.ts");
else {
  process.stderr.write(
    `error: mcpist needs Node ${NEEDED.join(".")} or newer, and this is ${process.versions.node} (ERR_NODE)\n` +
      "hint:  https://nodejs.org, or in a project: npm install --save-dev node@24\n",
  );
  process.exitCode = 2;
}

#!/usr/bin/env node
/**
 * The command, in a checkout and in the package. Says in one sentence that this Node is too old, before anything is loaded that an old
 * one cannot read. It is a file of the repository, so `npx mcpist` works in a checkout that nobody has built.
 */
import { existsSync } from "node:fs";

const NEEDED = [22, 18];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const source = new URL("../cli/main.ts", import.meta.url);
const isCheckout = existsSync(source);
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]))
  await import(isCheckout ? source.href : "../dist/cli/main.js");
else {
  // `npm ci` brings the right one, unless it was told to run no scripts or to leave out what is for development.
  const hint = isCheckout
    ? "npm ci --include=dev --ignore-scripts=false   (brings the right Node)"
    : "https://nodejs.org, or in a project: npm install --save-dev node@24";
  process.stderr.write(
    `error: mcpist needs Node ${NEEDED.join(".")} or newer, and this is ${process.versions.node} (ERR_NODE)\nhint:  ${hint}\n`,
  );
  process.exitCode = 2;
}

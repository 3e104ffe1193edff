/**
 * The command line of a checkout. Says in one sentence that this Node is too old, before a .ts file is loaded that an old one cannot read:
 * `npm ci` brings the right Node, unless it was told to run no scripts or to leave out what is for development.
 */
const NEEDED = [22, 18];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) await import("./main.ts");
else {
  process.stderr.write(
    `error: mcpist needs Node ${NEEDED.join(".")} or newer, and this is ${process.versions.node} (ERR_NODE)\n` +
      "hint:  npm ci --include=dev --ignore-scripts=false   (brings the right Node)\n",
  );
  process.exitCode = 2;
}

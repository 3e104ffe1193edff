/**
 * `import { defineConfig } from "mcpist"` in a folder where nothing is installed: `npx mcpist` then stands in for the package, so that a
 * configuration can be read before `npm install`, and in a folder without node_modules.
 */
import { registerHooks } from "node:module";

const ENDING = import.meta.url.endsWith(".ts") ? "ts" : "js";
/** Entry of the package to its module, from this file's folder. */
const ENTRIES: Readonly<Record<string, string>> = {
  mcpist: "../contract/config",
  "mcpist/origin": "../origin/public",
  "mcpist/stacks": "../stacks/deployment",
  "mcpist/testing": "../package/testing",
};

let registered = false;

/** From now on an import of the package that finds none gets this one. */
export function standInForPackage(): void {
  if (registered) return;
  registered = true;
  registerHooks({
    resolve(specifier, context, next) {
      const entry = Object.hasOwn(ENTRIES, specifier) ? ENTRIES[specifier] : undefined;
      if (entry === undefined) return next(specifier, context);
      try {
        return next(specifier, context);
      } catch {
        return { url: new URL(`${entry}.${ENDING}`, import.meta.url).href, shortCircuit: true };
      }
    },
  });
}

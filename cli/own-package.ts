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

/** What Node says of each .ts file in a repository whose package.json has no "type". It is read all the same, and nobody has to change that. */
const TYPELESS = "MODULE_TYPELESS_PACKAGE_JSON";

/** Other warnings are printed as ever. */
function keepQuietAboutTypes(): void {
  const emit = process.emitWarning.bind(process) as (...words: readonly unknown[]) => void;
  process.emitWarning = (...words: readonly unknown[]): void => {
    const [, second, third] = words;
    const code = typeof second === "object" && second !== null && "code" in second ? second.code : third;
    if (code !== TYPELESS) emit(...words);
  };
}

let registered = false;

/** From now on an import of the package that finds none gets this one. */
export function standInForPackage(): void {
  if (registered) return;
  registered = true;
  keepQuietAboutTypes();
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

/** This program itself, and programs that travel beside it; in a checkout they are TypeScript, in the package they are compiled. */
import { fileURLToPath } from "node:url";

const COMPILED = import.meta.url.endsWith(".js");

/** Absolute path of a file beside the command line. @param path from the root of the tree, without its ending: `cli/main` */
export const besideCli = (path: string): string =>
  fileURLToPath(new URL(`../${path}.${COMPILED ? "js" : "ts"}`, import.meta.url));

/** True where this is the published package. */
export const isPackaged = (): boolean => COMPILED;

/** Folder with a program `mcpist` that starts this one, for a PATH. */
export const OWN_PATH = fileURLToPath(new URL(COMPILED ? "../../bin" : "../bin", import.meta.url));

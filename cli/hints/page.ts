/** Where an error and its hint are explained: docs/errors.md, which is made from the registry and travels with the package. */
import { isAbsolute, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Context } from "../context.ts";
import { type Manifest, ownPackage } from "../version.ts";

/** Of the package, or of the checkout. */
const PAGE = "docs/errors.md";
const COLUMNS = 80;
const LABEL = "page:  ";

/** Where files of this version are read, ends in "/"; null = package.json names no repository at GitHub, and none is made up. */
export function hostOf({ repository, version = "" }: Manifest): string | null {
  const url = typeof repository === "string" ? repository : repository?.url;
  const [, path] = /github(?:\.com[/:]|:)([\w.-]+\/[\w.-]+?)(?:\.git)?$/.exec(url ?? "") ?? [];
  return path === undefined ? null : `https://github.com/${path}/blob/v${version}/`;
}

/** A heading of the page. */
export interface ErrorPage {
  /** Absolute: at the repository's host, or the file that was installed. */
  readonly url: string;
  /** A line for a terminal of 80 columns. */
  readonly line: string;
}

/**
 * @param anchor id of a hint, or code of an error.
 * @returns null where the page is not installed.
 */
export function errorPage(
  { cwd, env }: Pick<Context, "cwd" | "env">,
  anchor: string,
  installed: ReturnType<typeof ownPackage> = ownPackage(),
): ErrorPage | null {
  if (installed === null) return null;
  const { root, manifest } = installed;
  const heading = `#${anchor.toLowerCase()}`;
  const host = hostOf(manifest);
  if (host !== null) return { url: `${host}${PAGE}${heading}`, line: `${LABEL}${host}${PAGE}${heading}` };
  const file = join(root, PAGE);
  const home = env["HOME"];
  const inHome = home === undefined || home === "" ? null : relative(home, file);
  const ways = [
    relative(cwd, file),
    file,
    ...(inHome === null || inHome.startsWith("..") || isAbsolute(inHome) ? [] : [`~/${inHome}`]),
  ];
  const shortest = ways.reduce((best, way) => (way.length < best.length ? way : best));
  const line = `${LABEL}${shortest}${heading}`;
  return {
    url: `${pathToFileURL(file).href}${heading}`,
    line: line.length <= COLUMNS ? line : `${LABEL}${PAGE}${heading} of the package mcpist`,
  };
}

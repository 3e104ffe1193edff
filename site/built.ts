/** Looks through a built site: links that lead nowhere, and addresses of others that a page would fetch by itself. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const filesIn = (folder: string, name: RegExp): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => name.test(file))
    .toSorted();

/** Every id of a page. */
const idsIn = (html: string): ReadonlySet<string> =>
  new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id = ""]) => id.replaceAll("&amp;", "&")));

/** @returns one line for each link of `dist` whose file or anchor is not there. */
export function deadLinks(dist: string): readonly string[] {
  const pages = new Map(filesIn(dist, /\.html$/).map((file) => [file, readFileSync(join(dist, file), "utf8")]));
  const ids = new Map([...pages].map(([file, html]) => [file, idsIn(html)]));
  return [...pages].flatMap(([from, html]) =>
    [...html.matchAll(/<a\s[^>]*href="([^"]+)"/g)].flatMap(([, href = ""]) => {
      if (/^[a-z]+:/i.test(href)) return [];
      const [path = "", anchor] = href.split("#");
      const at = path.startsWith("/") ? path.slice(1) : normalize(join(dirname(from), path));
      const named = path === "" ? from : at === "" || at === "." || at.endsWith("/") ? join(at, "index.html") : at;
      const file = decodeURIComponent(named);
      if (!existsSync(join(dist, file))) return [`${from}: ${href} leads nowhere`];
      const known = ids.get(file);
      if (!anchor || known === undefined || known.has(decodeURIComponent(anchor))) return [];
      return [`${from}: ${href} names no heading`];
    }),
  );
}

/** @returns one line for each script, style, picture or font that a page would fetch from another host. */
export function foreignAddresses(dist: string): readonly string[] {
  const fetched =
    /(?:<(?:script|img|source|iframe)\s[^>]*src=|<link\s[^>]*rel="(?:stylesheet|preload|modulepreload|icon|preconnect)"[^>]*href=|@import\s+(?:url\()?|url\()["']?(https?:)?\/\/[^"')\s]+/g;
  return filesIn(dist, /\.(html|css|svg)$/).flatMap((file) =>
    [...readFileSync(join(dist, file), "utf8").matchAll(fetched)].map(([found]) => `${file}: fetches ${found}`),
  );
}

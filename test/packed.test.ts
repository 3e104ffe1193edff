/** What a reader of the installed package finds: every link of a packed page leads to a packed file, or to the web. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const listed = JSON.parse(
  execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }),
) as readonly { readonly files: readonly { readonly path: string }[] }[];
const files = listed.flatMap((tarball) => tarball.files.map(({ path }) => path));
const packed = new Set(files);
for (const path of files)
  for (let folder = posix.dirname(path); folder !== "."; folder = posix.dirname(folder)) packed.add(folder);

/** Where a page's links lead, from the root of the package; without those to the web and within the page. */
const targets = (page: string): readonly string[] =>
  [
    ...readFileSync(ROOT + page, "utf8")
      .replaceAll(/^```[^]*?^```/gm, "")
      .matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g),
  ]
    .flatMap(([, target = ""]) => (/^[a-z]+:/.test(target) ? [] : [target]))
    .map((target) => posix.join(posix.dirname(page), target).replace(/\/$/, ""));

it("a packed page links to nothing that is not packed", () => {
  const pages = [...packed].filter((path) => path.endsWith(".md") && !path.startsWith("dist/"));
  expect(pages).toContain("README.md");
  const dead = pages.flatMap((page) =>
    targets(page)
      .filter((target) => !packed.has(target))
      .map((target) => `${page}: ${target}`),
  );
  expect(dead).toEqual([]);
});

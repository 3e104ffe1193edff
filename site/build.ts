/**
 * Makes the documentation site, with all that it needs:
 *
 *   npm run docs                site/dist/, every link in it checked
 *   npm run docs -- --serve     the same, and shows it on this machine until Ctrl-C
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gather } from "./gather.ts";
import { deadLinks, foreignAddresses } from "./built.ts";
import { serve } from "./serve.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DIST = `${HERE}dist`;

function run(program: string, args: readonly string[]): void {
  // VitePress takes every file for a page whose ending it does not know.
  const env = { ...process.env, VITE_EXTRA_EXTENSIONS: "cast" };
  const { status } = spawnSync(program, args, { cwd: HERE, env, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`${program} ${args[0] ?? ""} failed`);
}

/** Installs the generator when the lockfile is another one than at the last time. */
function install(): void {
  const stamp = `${HERE}node_modules/.installed-lock.json`;
  const lock = `${HERE}package-lock.json`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === readFileSync(lock, "utf8")) return;
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  cpSync(lock, stamp);
}

install();
const pages = gather();
rmSync(DIST, { recursive: true, force: true });
run(process.execPath, [`${HERE}node_modules/vitepress/bin/vitepress.js`, "build", "--logLevel", "warn"]);
const wrong = [...deadLinks(DIST), ...foreignAddresses(DIST)];
for (const line of wrong) process.stderr.write(`error: ${line}\n`);
if (wrong.length > 0) process.exitCode = 1;
else {
  process.stdout.write(`${pages} pages in site/dist, no dead link\n`);
  if (process.argv.includes("--serve")) {
    const { url } = await serve(DIST);
    process.stdout.write(`${url}   (Ctrl-C ends it)\n`);
  }
}

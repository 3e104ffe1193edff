/**
 * Writes the lock of a client that is new in versions.ts: `node test/clients/lock.ts ID… [-- CONSTRAINT…]`, e.g. `python-sdk-1.9.4 --
 * 'pydantic<2.12'` or `inspector-2.12.0 -- vite=8.3.8` (newer ones want a package that not every mirror has). Locks of npm come from npm, those of Python from uv, which has to be in the PATH: the same file fits every platform.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { execa } from "execa";
import { CLIENTS, idOf, type Installed, lockOf, OIDC_PROVIDER } from "./versions.ts";

async function lock(client: Installed, constraints: readonly string[]): Promise<void> {
  const file = lockOf(client);
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  if (client.registry === "npm") {
    const overrides = Object.fromEntries(constraints.map((text) => text.split("=")));
    const manifest = { private: true, type: "module", dependencies: { [client.name]: client.version }, overrides };
    await writeFile(`${folder}/package.json`, `${JSON.stringify(manifest)}\n`);
    await execa("npm", ["install", "--silent", "--package-lock-only", "--ignore-scripts", "--prefix", folder]);
    return;
  }
  const flags = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header"];
  const input = [`${client.name}==${client.version}`, ...constraints].join("\n");
  await execa("uv", ["pip", "compile", "-q", ...flags, "-", "-o", file], { input, verbose: "none" });
}

const words = process.argv.slice(2);
const end = words.includes("--") ? words.indexOf("--") : words.length;
const ids = words.slice(0, end);
const known = [...CLIENTS, OIDC_PROVIDER];
const clients = known.filter((client) => ids.includes(idOf(client)));
if (clients.length === 0 || clients.length < ids.length)
  throw new TypeError(`node test/clients/lock.ts ID…, of ${known.map(idOf).join(" ")}`);
for (const client of clients) await lock(client, words.slice(end + 1));

/**
 * Installs the clients of versions.ts from their locks: `node test/clients/install.ts sample|all`. Each gets a folder of its own, so that
 * none meets the libraries of another, and no script of a package is run. What is there already, from the same lock, is left alone.
 */
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { execa } from "execa";
import {
  chosen,
  folderOf,
  idOf,
  type Installed,
  isInstalled,
  lockHash,
  lockOf,
  OIDC_PROVIDER,
  stampOf,
} from "./versions.ts";

const SHOWN = { stdio: "inherit", verbose: "none" } as const;

async function install(client: Installed): Promise<void> {
  const folder = folderOf(client);
  const lock = lockOf(client);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  if (client.registry === "npm") {
    await copyFile(lock, join(folder, "package-lock.json"));
    await copyFile(join(dirname(lock), "package.json"), join(folder, "package.json"));
    await execa("npm", ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder], SHOWN);
  } else {
    await execa("python3", ["-m", "venv", folder], SHOWN);
    // The lock is complete, so nothing is resolved anew.
    const flags = ["-q", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:"];
    await execa(join(folder, "bin", "python"), ["-m", "pip", "install", ...flags, "-r", lock], SHOWN);
  }
  await writeFile(stampOf(client), lockHash(client));
}

const [which] = process.argv.slice(2);
if (which !== "sample" && which !== "all") throw new TypeError("node test/clients/install.ts sample|all");
for (const client of [...chosen(which), OIDC_PROVIDER]) {
  if (isInstalled(client)) continue;
  process.stdout.write(`installing ${idOf(client)}\n`);
  await install(client);
}

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CLIENTS, chosen, idOf, lockOf, OIDC_PROVIDER } from "./versions.ts";

describe("the clients of the matrix", () => {
  it.each([...CLIENTS, OIDC_PROVIDER])(
    "$family $version is locked, with a hash of everything that is installed",
    (client) => {
      const lock = readFileSync(lockOf(client), "utf8");
      if (client.registry === "pypi") {
        const pinned = lock.match(/^\S+==\S+/gm) ?? [];
        expect(pinned).toContain(`${client.name}==${client.version}`);
        expect(lock.match(/==\S+(?: ; [^\n]*)? \\\n {4}--hash=sha256:[0-9a-f]{64}/g)).toHaveLength(pinned.length);
        return;
      }
      const { packages } = JSON.parse(lock) as {
        readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>;
      };
      expect(packages[`node_modules/${client.name}`]?.version).toBe(client.version);
      const loose = Object.entries(packages).filter(([path, { integrity }]) => path !== "" && !integrity);
      expect(loose).toEqual([]);
      expect(existsSync(join(lockOf(client), "../package.json"))).toBe(true);
    },
  );

  it("are all of those that were promised, and no two have one name", () => {
    const ids = CLIENTS.map(idOf);
    expect(new Set(ids).size).toBe(ids.length);
    const promised = [
      ...["1.10", "1.12", "1.15", "1.18", "1.20", "1.25", "1.", "2."].map((version) => `typescript-sdk-${version}`),
      ...["1.9", "1.12", "1.20", "1.", "2."].map((version) => `python-sdk-${version}`),
      "fastmcp-2.14",
      "fastmcp-4.",
      "mcp-remote-",
      "inspector-",
    ];
    expect(promised.filter((beginning) => !ids.some((id) => id.startsWith(beginning)))).toEqual([]);
  });

  it("have an oldest and a newest of each family in the sample", () => {
    for (const family of new Set(CLIENTS.map(({ family }) => family))) {
      const all = CLIENTS.filter((client) => client.family === family);
      expect(chosen("sample")).toContain(all[0]);
      expect(chosen("sample")).toContain(all.at(-1));
    }
    expect(chosen("all")).toEqual(CLIENTS);
  });

  it("have a fault of their own in one place only", () => {
    expect(CLIENTS.filter(({ faults }) => faults).map(idOf)).toEqual(["typescript-sdk-1.12.3"]);
  });
});

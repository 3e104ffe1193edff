/** A server that tries to read its parent gets nothing. Needs the right to change user ids, as the image has it: root, here. */
import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LAUNCHER } from "../../contract/servers.ts";

const PROGRAM = fileURLToPath(new URL("../test/servers/separated.ts", import.meta.url));
const SCRIPT = fileURLToPath(new URL("../test/servers/hostile.sh", import.meta.url));
const CANARY = "canary-3d9e1f70b6a2c845";

/** The image's launcher leaves an origin three rights; it must be able to read this checkout to be tried here. */
const readable =
  spawnSync(LAUNCHER[0] ?? "", [...LAUNCHER.slice(1), process.execPath, "--check", PROGRAM]).status === 0;

describe
  .skipIf(process.getuid?.() !== 0)
  .each([
    { how: "as root", launcher: [] as readonly string[] },
    ...(readable ? [{ how: "as the image starts it", launcher: LAUNCHER }] : []),
  ])("a hostile server beside an origin that may change user ids, started $how", ({ launcher }) => {
  let folder: string;
  let found: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "mcpist-hostile-"));
    chmodSync(folder, 0o755);
    copyFileSync(SCRIPT, join(folder, "hostile.sh"));
    writeFileSync(join(folder, "origin-only"), CANARY, { mode: 0o600 });
    const [program, ...words] = [...launcher, process.execPath];
    const { stdout } = await promisify(execFile)(
      program,
      [...words, PROGRAM, join(folder, "hostile.sh"), join(folder, "origin-only")],
      { env: { PATH: process.env["PATH"] ?? "", DATABASE_URL: `postgres://${CANARY}` } },
    );
    found = stdout;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("runs under another user id, without any right and without a way to one", () => {
    expect(found).toMatch(/^20001$/m);
    expect(found).toContain("NoNewPrivs:\t1");
    expect(found).toContain("CapEff:\t0000000000000000");
    expect(found).toContain("CapAmb:\t0000000000000000");
  });

  it("is the first to go when memory runs out, and has no room for processes without end", () => {
    expect(found).toMatch(/^first to go: 1000$/m);
    expect(found).toMatch(/^Max processes +1024 +1024 /m);
  });

  it("reads neither environment, memory, descriptors, folder nor files of the origin", () => {
    expect(found).not.toContain(CANARY);
    for (const file of ["environ", "mem", "fd"])
      expect(found).toMatch(new RegExp(`/proc/\\d+/${file}.*Permission denied`));
    expect(found).toMatch(/origin-only: Permission denied/);
  });

  it("cannot end the origin", () => {
    expect(found).toMatch(/No such process|Operation not permitted/);
  });

  it("inherits nothing but its three streams, and no variable", () => {
    const descriptors = found.split("\n").filter((line) => /^(socket|pipe|\/dev|\/proc|anon_inode|\/)[:[/]/.test(line));
    expect(descriptors.every((line) => /^(socket|pipe):/.test(line) || line.endsWith("hostile.sh"))).toBe(true);
    const names = found.split("\n").flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
    expect(names.toSorted()).toEqual(
      ["HOME", "LANG", "OLDPWD", "PATH", "PWD", "TMPDIR"].filter((name) => names.includes(name)),
    );
  });
});

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { authorityFault } from "./authority.ts";

const folder = mkdtempSync(join(tmpdir(), "mcpist-authority-"));
const naming = (file: string) => `postgres://canary:canary@db.example.com/x?sslmode=verify-full&sslrootcert=${file}`;
const holding = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe("authority of the database", () => {
  it.each([
    ["one certificate", `${rootCertificates[0]}\n`],
    ["several", `# made by hand\n${rootCertificates[0]}\n${rootCertificates[1]}\n`],
  ])("takes %s", (name, text) => {
    expect(authorityFault(naming(holding(name.replaceAll(" ", "-"), text)))).toBeNull();
  });

  it("has nothing to say of an address that names none, or that is refused elsewhere", () => {
    expect(authorityFault("postgres://x@db.example.com/x?sslmode=verify-full")).toBeNull();
    expect(authorityFault("mysql://x")).toBeNull();
  });

  it.each([
    [
      "a missing file",
      join(folder, "missing"),
      "names a file in sslrootcert that cannot be read here (ENOENT): put the certificate of the database's authority there",
    ],
    [
      "a folder",
      folder,
      "names a file in sslrootcert that cannot be read here (EISDIR): put the certificate of the database's authority there",
    ],
    [
      "an empty file",
      holding("empty", ""),
      "names a file in sslrootcert that does not begin with a certificate in PEM: put the certificate of the database's authority there",
    ],
    [
      "another text",
      holding("text", "canary"),
      "names a file in sslrootcert that does not begin with a certificate in PEM: put the certificate of the database's authority there",
    ],
  ])("refuses %s, and says none of the address", (_name, file, fault) => {
    expect(authorityFault(naming(file))).toBe(fault);
  });
});

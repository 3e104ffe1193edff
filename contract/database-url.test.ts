import { readFileSync } from "node:fs";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { readDatabaseUrl } from "./database-url.ts";

const REMOTE = "postgres://mcpist_origin:canary-pass@db.example.com:5432/postgres";
const at = (host: string, query = "") => `postgres://mcpist_origin:canary-pass@${host}/postgres${query}`;

describe("address of the database", () => {
  it.each(["?sslmode=verify-full", "?sslmode=require", "?application_name=x&sslmode=verify-full&pool_max=3"])(
    "is taken beyond this machine with %s, and means that the certificate is checked",
    (query) => {
      expect(readDatabaseUrl(REMOTE + query)).toMatchObject({ verify: true, caFile: null });
    },
  );

  it("may name the file of an authority", () => {
    expect(readDatabaseUrl(`${REMOTE}?sslmode=verify-full&sslrootcert=/app/ca.crt`)).toEqual({
      url: REMOTE,
      verify: true,
      caFile: "/app/ca.crt",
    });
  });

  it.each([
    ["says nothing", REMOTE],
    ["switches TLS off", `${REMOTE}?sslmode=disable`],
    ["prefers TLS", `${REMOTE}?sslmode=prefer`],
    ["allows TLS", `${REMOTE}?sslmode=allow`],
    ["does not check", `${REMOTE}?sslmode=no-verify`],
    ["checks no name", `${REMOTE}?sslmode=verify-ca`],
    ["says it in another case", `${REMOTE}?SSLMODE=verify-full`],
    ["says nothing in it", `${REMOTE}?sslmode=`],
    ["says two things", `${REMOTE}?sslmode=verify-full&sslmode=no-verify`],
    ["has the driver's own switch", `${REMOTE}?sslmode=verify-full&ssl=no-verify`],
    ["asks for the weaker meaning", `${REMOTE}?sslmode=require&uselibpqcompat=true`],
    ["names another host", at("localhost", "?host=db.example.com")],
    ["names another address", at("localhost", "?hostaddr=192.0.2.1")],
    ["only looks local", at("localhost.example.com")],
    ["only looks like loopback", at("127.0.0.1.example.com")],
    ["has a local name as its user", "postgres://localhost:5432@db.example.com/postgres"],
    ["names several hosts", at("localhost,db.example.com")],
    ["names no host", "postgres:///postgres"],
    ["is private and says nothing", at("db.internal")],
    ["is in a domain that only ends like it", at("db.notinternal", "?sslmode=disable")],
    ["only begins like a private name", at("db.internal.example.com", "?sslmode=disable")],
    ["has a private name in the middle", at("db.flycast.example.com:5432", "?sslmode=disable")],
    ["names an authority and checks nothing", at("localhost", "?sslrootcert=/app/ca.crt")],
    ["is of another kind", "mysql://canary-pass@db.example.com/x"],
    ["is no URL", "postgres://canary pass"],
  ])("is refused when it %s, without repeating it", (_, url) => {
    const answer = readDatabaseUrl(url);
    expect(answer).toEqual(expect.stringMatching(/^must /));
    expect(answer).not.toContain("canary");
    expect(answer).not.toContain("example.com");
  });

  it.each(["localhost", "LOCALHOST", "127.0.0.1:5432", "127.9.9.9", "[::1]:5432", "%2Fvar%2Frun%2Fpostgresql"])(
    "may be without TLS on this machine: %s",
    (host) => {
      for (const query of ["", "?sslmode=disable"])
        expect(readDatabaseUrl(at(host, query))).toMatchObject({ verify: false });
      expect(readDatabaseUrl(at(host, "?sslmode=verify-full"))).toMatchObject({ verify: true });
    },
  );

  it.each(["db.internal", "top1.nearest.of.db.internal", "db.flycast"])(
    "may be without TLS in Fly's private network, when it says so: %s",
    (host) => {
      expect(readDatabaseUrl(at(host, "?sslmode=disable"))).toMatchObject({ verify: false });
    },
  );

  it("leaves the driver nothing to decide about TLS, whatever else the URL says", () => {
    const values = ["disable", "no-verify", "prefer", "require", "verify-ca", "verify-full", "true", "false", "0", ""];
    const names = ["ssl", "sslmode", "uselibpqcompat", "sslnegotiation", "host", "user"];
    let accepted = 0;
    for (const first of names)
      for (const second of names)
        for (const a of values)
          for (const b of values) {
            const address = readDatabaseUrl(`${REMOTE}?${first}=${a}&${second}=${b}`);
            if (typeof address === "string") continue;
            accepted++;
            const { host, ssl } = new pg.Client({ connectionString: address.url, ssl: { rejectUnauthorized: true } });
            expect([host, ssl]).toEqual(["db.example.com", { rejectUnauthorized: true }]);
          }
    expect(accepted).toBeGreaterThan(0);
  });

  it("is read by the token broker in the same way", () => {
    const copy = new URL("../supabase/functions/token-broker/address.ts", import.meta.url);
    expect(readFileSync(copy, "utf8")).toBe(readFileSync(new URL("database-url.ts", import.meta.url), "utf8"));
  });
});

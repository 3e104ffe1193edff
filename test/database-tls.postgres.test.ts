/** The database's certificate, checked by the drivers of the origin and of the token broker on a real server. */
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openPostgres } from "../origin/database/pg.ts";
import { deno, LISTENING, startBroker } from "../origin/test/deno.ts";
import { postgresBinaries, postgresDatabase, type TestPostgres } from "../origin/test/postgres.ts";
import { issueFor, type HostCertificate } from "../sandbox/vendors/koyeb/certificate.ts";
import { overPool, poolSettings } from "../supabase/functions/token-broker/database.ts";

const SSL = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";

describe.skipIf(postgresBinaries() === null)("TLS to the database (apt-get install postgresql)", () => {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-tls-"));
  let database: TestPostgres;
  let certificate: HostCertificate;
  let port: string;

  beforeAll(async () => {
    database = await postgresDatabase();
    certificate = await issueFor("localhost");
    writeFileSync(join(folder, "ca.crt"), certificate.ca);
    const [row] = await database.superuser.query<{ port: string; data: string }>(
      "select current_setting('port') as port, current_setting('data_directory') as data",
    );
    port = row?.port ?? "";
    const data = row?.data ?? "";
    const { uid, gid } = statSync(data);
    for (const [name, text] of [
      ["server.crt", certificate.cert],
      ["server.key", certificate.key],
    ] as const) {
      writeFileSync(join(data, name), text, { mode: 0o600 });
      chownSync(join(data, name), uid, gid);
    }
    await database.superuser.query("alter system set ssl = on");
    await database.superuser.query("select pg_reload_conf()");
    const isOn = async () =>
      (await database.admin.query<{ ssl: string }>("select current_setting('ssl') as ssl"))[0]?.ssl === "on";
    await vi.waitUntil(isOn, { timeout: 10_000 });
  });
  afterAll(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });

  const url = (host: string, query: string) => `postgres://mcpist_origin@${host}:${port}/postgres?${query}`;
  const ask = async (text: string) => {
    const origin = openPostgres(text, () => {});
    try {
      return await origin.query(SSL);
    } finally {
      await origin.close();
    }
  };

  it.each(["verify-full", "require"])(
    "is used by an origin that says sslmode=%s and knows the authority",
    async (mode) => {
      expect(await ask(url("localhost", `sslmode=${mode}&sslrootcert=${folder}/ca.crt`))).toEqual([{ ssl: true }]);
    },
  );

  it.each(["verify-full", "require"])(
    "is refused by an origin that says sslmode=%s and does not know the authority",
    async (mode) => {
      await expect(ask(url("localhost", `sslmode=${mode}`))).rejects.toMatchObject({
        code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      });
    },
  );

  it("is refused when the certificate has another name", async () => {
    const rejected = ask(url("127.0.0.1", `sslmode=require&sslrootcert=${folder}/ca.crt`));
    await expect(rejected).rejects.toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  it("is checked by the token broker with the certificate that it is given", async () => {
    const pools = [certificate.ca, undefined].map(
      (ca) => new pg.Pool(poolSettings(url("localhost", "sslmode=verify-full"), ca)),
    );
    const [knows, doesNot] = pools.map(overPool);
    expect(await knows?.query(SSL, [])).toEqual([{ ssl: true }]);
    await expect(doesNot?.query(SSL, [])).rejects.toThrow();
    await Promise.all(pools.map((pool) => pool.end()));
  });

  it.skipIf(deno === undefined)("is checked in Deno, where the token broker runs", async () => {
    const secret = randomBytes(32).toString("hex");
    const statuses: number[] = [];
    for (const environment of [{ BROKER_DATABASE_CA: certificate.ca }, {}]) {
      const address = url("localhost", "sslmode=verify-full").replace("mcpist_origin", "mcpist_broker");
      const complete = { BROKER_SECRET_A: secret, BROKER_DATABASE_URL: address, ...environment };
      const { child, output } = startBroker(deno ?? "", complete, "127.0.0.1,localhost");
      const listening = () => LISTENING.exec(output.text)?.[0];
      const broker = await vi.waitUntil(listening, { timeout: 20_000 });
      const body = JSON.stringify({ request_id: randomUUID(), user_id: randomUUID(), module: "lab" });
      statuses.push((await fetch(broker, { method: "POST", headers: { "x-broker-secret": secret }, body })).status);
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
    }
    // 404: the database was asked, and knows no such user. 503: it was not.
    expect(statuses).toEqual([404, 503]);
  });
});

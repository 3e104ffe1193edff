/** Roles, rights and accounts on every version of PostgreSQL that is promised, prepared as Supabase prepares one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { POSTGRES_VERSIONS, postgresBinaries, postgresDatabase, type TestPostgres } from "./test/postgres.ts";
import { describeBrokerFaults } from "./test/suites/broker-faults.ts";
import { describeBrokerOnPostgres } from "./test/suites/broker-postgres.ts";
import { describeConnections } from "./test/suites/connections.ts";
import { describeDatabase } from "./test/suites/database.ts";
import { describeDefiners } from "./test/suites/definers.ts";
import { describePrivileges } from "./test/suites/privileges.ts";
import { describeRoles } from "./test/suites/roles.ts";

const required = process.env["CI"] === "true";

describe.each(POSTGRES_VERSIONS)("PostgreSQL %i", (version) => {
  const available = postgresBinaries(version) !== null;
  it.runIf(required)("is here to be tested", () => {
    expect(available).toBe(true);
  });

  describe.skipIf(!available)("(.ci/tools installs it)", () => {
    let database: TestPostgres;
    beforeAll(async () => {
      database = await postgresDatabase(version);
    });
    afterAll(() => database.close());

    describeDatabase(() => database);
    describeRoles(() => database);
    describePrivileges(() => database);
    describeDefiners(() => database);
    describeConnections(() => database);
    describeBrokerFaults(() => database);
    describeBrokerOnPostgres(() => database);
  });
});

/** The origin as a whole on a real PostgreSQL, logged in as mcpist_origin; and what only a real server can prove. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeAll } from "./test/suites/all.ts";
import { describeRoles } from "./test/suites/roles.ts";
import type { TestDatabase } from "./test/database.ts";
import { postgresBinaries, postgresDatabase } from "./test/postgres.ts";

const available = postgresBinaries() !== null;
const required = process.env["CI"] === "true";

if (required && !available) {
  it("has a PostgreSQL server to run on", () => {
    expect(available).toBe(true);
  });
}

describe.skipIf(!available)("on PostgreSQL (apt-get install postgresql)", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await postgresDatabase();
  });
  afterAll(() => database.close());

  describeAll(() => database);
  describeRoles(() => database);
});

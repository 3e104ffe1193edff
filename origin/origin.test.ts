/** The origin as a whole on PGlite: every suite that origin.postgres.test.ts runs on PostgreSQL. */
import { afterAll, beforeAll } from "vitest";
import { describeAll } from "./test/suites/all.ts";
import { pgliteDatabase, type TestDatabase } from "./test/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await pgliteDatabase();
});
afterAll(() => database.close());

describeAll(() => database);

/** A state in a bucket: the S3 backend as the stacks configure it, with each engine. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sandboxEnvironment } from "../../contract/sandbox.ts";
import { type Bucket, startBucket } from "./bucket.ts";
import { done, opened, openedWithFirst, TIMEOUT_MS } from "./operator.ts";
import { CLIS, type DeployCli, ENGINES } from "./tools.ts";

const STACK = "base-repository";
const KEY = `mcpist/rehearsal-${STACK}.tfstate`;
const CREDENTIALS = { AWS_ACCESS_KEY_ID: "state-writer", AWS_SECRET_ACCESS_KEY: "not-checked-by-the-bucket" };

describe.skipIf(ENGINES.length === 0 || CLIS.length === 0)("state in a bucket", () => {
  let bucket: Bucket;
  beforeEach(async () => {
    bucket = await startBucket("states");
  });
  afterEach(() => bucket.close());

  it.each(ENGINES.map((engine) => [engine.name, engine] as const))(
    "%s keeps it there, locks it there, and finds it again",
    { timeout: TIMEOUT_MS },
    async (_name, engine) => {
      await opened(engine, CLIS[0] as DeployCli, async (installation) => {
        const backend = { type: "s3", bucket: "states", endpoint: bucket.url } as const;
        installation.configure("rehearsal", { ...sandboxEnvironment(installation.sandbox.urls), backend });
        done(await installation.deploy([STACK], CREDENTIALS), "deploy");
        expect([...bucket.objects.keys()]).toEqual([KEY]);
        expect(JSON.parse(bucket.objects.get(KEY)?.toString() ?? "{}")).toMatchObject({ version: 4 });
        expect(bucket.writes).toContain(`PUT ${KEY}.tflock`);
        expect(bucket.writes).toContain(`DELETE ${KEY}.tflock`);

        done(await installation.apply([STACK], CREDENTIALS), "deploy again");
        expect(installation.printed.at(-1)).toContain("No changes.");
        for (const text of installation.files()) expect(text).not.toContain(CREDENTIALS.AWS_SECRET_ACCESS_KEY);
      });
    },
  );

  it("a state that someone else works on is left alone", { timeout: TIMEOUT_MS }, async () => {
    await openedWithFirst(async (installation) => {
      const backend = { type: "s3", bucket: "states", endpoint: bucket.url } as const;
      installation.configure("rehearsal", { ...sandboxEnvironment(installation.sandbox.urls), backend });
      const lock = {
        ID: "1",
        Operation: "OperationTypeApply",
        Info: "",
        Who: "someone@else",
        Version: "1.11.4",
        Created: new Date().toISOString(),
        Path: KEY,
      };
      const headers = { authorization: "AWS4-HMAC-SHA256 test" };
      await fetch(`${bucket.url}/states/${KEY}.tflock`, { method: "PUT", headers, body: JSON.stringify(lock) });
      const refused = await installation.apply([STACK], CREDENTIALS);
      expect(refused.exitCode).not.toBe(0);
      expect(refused.output).toContain("someone@else");
      expect([...bucket.objects.keys()]).toEqual([`${KEY}.tflock`]);
    });
  });
});

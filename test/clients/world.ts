/** The sandbox with a working service in it, its people, and a GitHub that is as slow as a test needs it. */
import pg from "pg";
import { realContext } from "../../cli/context.ts";
import { deployService, startLocalCloud, type LocalCloud } from "../../cli/local/local-cloud.ts";
import { Progress } from "../../cli/output.ts";
import { connectAccounts } from "../../sandbox/accounts.ts";
import { userId } from "../../sandbox/vendors/idp/tokens.ts";
import { startSlowGithub, type SlowGithub } from "./slow-github.ts";
import type { Presentation } from "./versions.ts";

/** Access tokens of people in a hurry are refused so long after they were issued. Unit: seconds. */
export const SECONDS_LEFT = 10;
/** The hasty half of the seeded people comes after this one. */
const PEOPLE = 30;

/** The running world. */
export interface World {
  readonly url: string;
  readonly slowGithub: string;
  readonly cloud: LocalCloud;
  close(): Promise<void>;
}

export const personOf = (n: number): string => `user-${n}@sandbox.test`;
/** The other self of the n-th person, whose first access token ends soon. */
export const hastyOf = (n: number): number => n + PEOPLE;

/** Starts it for `people` clients, each with a person of its own. @param presentation of tools, at gateway and origins */
export async function startWorld(people: number, presentation: Presentation): Promise<World> {
  if (people > PEOPLE) throw new RangeError(`the sandbox has ${PEOPLE} people and as many in a hurry`);
  const context = { ...realContext(), env: { PATH: process.env["PATH"], HOME: process.env["HOME"] } };
  const flags = { config: "mcpist.config.ts", json: true, yes: true, debug: false };
  const quiet = { ...context, stderr: { write: () => true } };
  const slow: SlowGithub = await startSlowGithub();
  const cloud = await startLocalCloud(quiet, flags, {
    timings: { koyebStepMs: 20, edgeLagMs: 50, flyBootMs: 50 },
  });
  const close = async () => {
    await cloud.sandbox.close();
    await slow.close();
  };
  try {
    const { modules } = cloud.environment;
    const environment = {
      ...cloud.environment,
      presentation,
      modules: { ...modules, baseUrls: { ...modules.baseUrls, github: slow.url } },
    };
    await deployService({ ...cloud, environment }, new Progress(quiet, { json: true }));
    await connectPeople(cloud, people);
    for (let n = 1; n <= people; n++) cloud.sandbox.idp.hurry(userId(hastyOf(n)), SECONDS_LEFT);
    return { url: `${cloud.sandbox.urls.gateway}/mcp`, slowGithub: slow.url, cloud, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Everybody may use GitHub and has an account there. */
async function connectPeople({ sandbox }: LocalCloud, people: number): Promise<void> {
  const client = new pg.Client({ connectionString: sandbox.database.adminUrl });
  await client.connect();
  try {
    for (let n = 1; n <= people; n++)
      await client.query("select mcpist.grant_tool($1::uuid, 'github', 'list_issues', 'test')", [userId(n)]);
  } finally {
    await client.end();
  }
  for (let n = 2; n <= people; n++) await connectAccounts(sandbox, sandbox.database.adminUrl, n);
}

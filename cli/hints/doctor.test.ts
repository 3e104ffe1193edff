/** Every hint of doctor: printed by the command in a world in which that is missing, with the environment and the file in its commands. */
import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../contract/config.ts";
import { desk, ENVIRONMENT, FLAGS, type as types, type Desk } from "../test/follow.ts";
import { handler, type Routes } from "../test/handler.ts";
import { DOCTOR } from "./doctor.ts";

const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers });
const ACCOUNT = "/client/v4/accounts/0123456789abcdef0123456789abcdef";
const SCRIPT = `${ACCOUNT}/workers/scripts/gw`;
const REPO = "/repos/acme/mcp";
const EMPTY = json({ message: "Invalid request." }, 422);
/** Accounts in which everything is as it has to be, as far as a doctor looks before the first deploy. */
const ACCOUNTS: Routes = {
  [`GET ${REPO}`]: json({}),
  [`GET ${REPO}/environments/production`]: json({}),
  [`PUT ${REPO}/environments/production/secrets/MCPIST_DOCTOR`]: EMPTY,
  [`POST ${REPO}/environments/production/variables`]: EMPTY,
  [`POST ${REPO}/git/refs`]: EMPTY,
  "GET /client/v4/user/tokens/verify": json({ result: { status: "active" } }),
  "GET /client/v4/accounts": json({ result: [], result_info: { total_count: 1 } }),
  "GET /client/v4/zones": json({ result: [{ id: "z1", name: "example.com" }], result_info: { total_count: 1 } }),
  [`POST ${SCRIPT}/deployments`]: json({}, 400),
  [`POST ${ACCOUNT}/storage/kv/namespaces`]: json({}, 400),
  "GET /v1/apps": json({ apps: [{ id: "a1", name: "mcpist" }, { name: "mcpist-origin" }], count: 1 }),
  "GET /v1/services": json({ services: [], count: 0 }),
  "GET /v1/secrets": json({ secrets: [], count: 0 }),
  "GET /v1/apps/mcpist-origin": json({ name: "mcpist-origin" }),
  "GET /v1/apps/mcpist-origin/secrets": json({ secrets: [] }),
  "GET /v1/apps/mcpist-origin/machines": json([]),
  "GET /auth/v1/.well-known/jwks.json": json({ keys: [] }),
};
const machine = (metadata: object, services: object[] = []) => ({
  id: "m1",
  state: "started",
  config: { metadata, services },
});
const KNOWN = { fly_platform_version: "v2" };
const S3 = {
  backend: { type: "s3", bucket: "states", endpoint: "https://account.r2.cloudflarestorage.com" },
} as Partial<EnvironmentInput>;

interface World {
  readonly routes?: Routes;
  readonly environment?: Partial<EnvironmentInput>;
  readonly env?: Readonly<Record<string, string>>;
  readonly deploy?: true;
  /** What is printed, with the flags that it has to carry. */
  readonly says: string;
}
const AT = FLAGS.join(" ");

const WORLDS: Readonly<Record<keyof typeof DOCTOR, World>> = {
  makeToken: {
    routes: { [`GET ${REPO}`]: json({}, 401) },
    says: "make a new one: https://github.com/settings/personal-access-tokens/new",
  },
  narrowToken: {
    routes: { [`GET ${REPO}`]: json({}, 200, { "x-oauth-scopes": "repo" }) },
    says: "make a fine-grained token for acme/mcp alone: https://github.com/settings/personal-access-tokens/new",
  },
  flyToken: {
    routes: { "GET /v1/apps/mcpist-origin": json({}, 401) },
    says: "fly tokens create deploy -a APP, for every app",
  },
  otherFlyApp: {
    routes: { "GET /v1/apps/mcpist-origin": json({}, 403) },
    says: "choose another name, or fly tokens create deploy -a mcpist-origin",
  },
  grant: {
    routes: { [`POST ${REPO}/git/refs`]: json({}, 403) },
    says: "grant Contents: write on acme/mcp to the token",
  },
  correctNames: {
    routes: { [`GET ${REPO}`]: json({}, 404) },
    says: "correct github.owner and github.repo in ops.config.ts, or give the token access to acme/mcp",
  },
  addZone: {
    routes: { "GET /client/v4/zones": json({ result: [] }) },
    says: "add the zone to the account, or give the token Zone: read on it",
  },
  makeBase: { says: `there is no Worker gw  ->  mcpist deploy --base ${AT}` },
  makeBaseOrCorrect: {
    routes: { "GET /v1/apps/mcpist-origin": json({}, 404) },
    says: `mcpist deploy --base ${AT}, or correct its name in ops.config.ts`,
  },
  makeService: { says: `does not answer as an origin  ->  mcpist deploy --first ${AT}` },
  slotsThenService: { says: `mcpist secrets rotate --init ${AT}, then mcpist deploy --first ${AT}` },
  baseOrDns: { says: `mcpist deploy --base ${AT}, or look at the zone's DNS` },
  routes: {
    routes: {
      [`GET ${SCRIPT}/secrets`]: json({ result: [{ name: "GATEWAY_SECRET" }] }),
      [`GET ${SCRIPT}/deployments`]: json({ result: { deployments: [] } }),
    },
    says: `mcpist secrets verify ${AT}   (says which command brings them together), or mcpist deploy --base ${AT}`,
  },
  machines: {
    routes: {
      "GET /v1/apps/mcpist-origin/machines": json([
        machine(KNOWN),
        { ...machine(KNOWN), id: "m2" },
        { ...machine(KNOWN), id: "m3" },
      ]),
    },
    says: `mcpist deploy ${AT}, or correct machines in ops.config.ts`,
  },
  flyMachineUpdate: {
    routes: { "GET /v1/apps/mcpist-origin/machines": json([machine({})]) },
    says: "fly machine update m1 --metadata fly_platform_version=v2 -a mcpist-origin",
  },
  lookOrQuarantine: {
    routes: { "GET /v1/apps/mcpist-origin/machines": json([machine(KNOWN)]) },
    says: `look at its logs; if it stays away: mcpist origins quarantine fly ${AT}`,
  },
  networkOrIssuer: {
    routes: { "GET /auth/v1/.well-known/jwks.json": () => json({}, 502) },
    says: "check the network; else correct auth.issuer in ops.config.ts",
  },
  asymmetricKeys: { says: "switch the project to asymmetric signing keys (ES256) in Supabase" },
  install: { env: { PATH: "" }, says: "install terraform or tofu 1.10 or newer; only a deploy needs it" },
  exportLine: { deploy: true, says: 'export GITHUB_TOKEN="$GH_TOKEN"' },
  writeTokenEnd: { says: "write the day to tokens.koyeb.ends in ops.config.ts" },
  nextToken: {
    environment: { tokens: { koyeb: { ends: "2026-11-25" } } },
    says: "docs/security/credentials.md: make the next one, put it where the old one is, then end the old one",
  },
  bucketKey: { deploy: true, environment: S3, says: "make a key for the bucket states alone, and export it" },
};

describe("a hint of doctor", () => {
  it.each(Object.entries(WORLDS))(
    "is printed where it helps: %s",
    async (id, { routes = {}, environment, env = {}, deploy, says }) => {
      const place: Desk = desk({
        fetch: handler({ ...ACCOUNTS, ...routes }).fetch,
        env: { PATH: "", ...env },
        ...(environment ? { environment: { ...ENVIRONMENT, ...environment } } : {}),
      });
      const said = await types(place, ["doctor", ...(deploy ? ["--deploy"] : []), ...FLAGS]);
      expect(said.told, said.text).toContain(id);
      expect(said.text).toContain(says);
    },
  );
});

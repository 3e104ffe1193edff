/** Scopes that every token must carry, and addresses that count as one, in workerd. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchAlone, startSession, type Session } from "./test/session.ts";

const AUTH = { maxLifetimeSeconds: 86_400, allowAnonymous: false, requireAal2: false, clientIds: [] };

describe("a gateway that requires scopes", () => {
  let session: Session;
  beforeAll(async () => {
    session = await startSession({ auth: { ...AUTH, requiredScopes: ["tools:call", "tools:list"] } });
  });
  afterAll(() => session.close());

  it("answers 403 to a token without them, names them, and lets others through", async () => {
    const refused = await session.post(await session.token({ scope: "email tools:call" }));
    expect(refused.status).toBe(403);
    expect(refused.headers.get("www-authenticate")).toBe(
      'Bearer error="insufficient_scope", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", scope="tools:call tools:list"',
    );
    expect(await refused.json()).toMatchObject({ error: { code: 40301, data: { reason: "auth.scope" } } });
    expect(session.koyeb.seen).toEqual([]);
    await expect
      .poll(() => session.gateway.events)
      .toContainEqual(expect.objectContaining({ event: "scope_denied", httpStatus: 403 }));
    expect((await session.post(await session.token({ scope: "tools:list tools:call" }))).status).toBe(200);
  });

  it("tells clients in its metadata and in its challenge what to ask for", async () => {
    const metadata = await fetchAlone(`${session.gateway.url}/.well-known/oauth-protected-resource/mcp`);
    expect(await metadata.json()).toMatchObject({ scopes_supported: ["tools:call", "tools:list"] });
    expect((await session.post(null)).headers.get("www-authenticate")).toContain('scope="tools:call tools:list"');
  });
});

describe("a gateway for another provider than Supabase", () => {
  it("asks for no scope that the provider may not have", async () => {
    const session = await startSession({ auth: { ...AUTH, provider: "oidc" } });
    const metadata = await fetchAlone(`${session.gateway.url}/.well-known/oauth-protected-resource/mcp`);
    expect(await metadata.json()).not.toHaveProperty("scopes_supported");
    expect((await session.post(null)).headers.get("www-authenticate")).toBe(
      'Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
    );
    await session.close();
  });
});

describe("the shield of an address", () => {
  it("counts an IPv6 network of 64 bits as one, however it is written, and its neighbour apart", async () => {
    const session = await startSession({}, { perIpPerMinute: 4 });
    const from = async (address: string): Promise<number> =>
      (await session.post(null, { "cf-connecting-ip": address })).status;
    const spellings = [
      "2001:db8:1:2::1",
      "2001:0db8:0001:0002:0000:0000:0000:0002",
      "2001:DB8:1:2:ffff:ffff:ffff:ffff",
      "2001:db8:1:2:3::",
    ];
    const [one = "", ...others] = spellings;
    const flood = async (): Promise<number[]> => {
      await expect.poll(() => from(one)).toBe(429);
      return Promise.all(others.map(from));
    };
    expect(await from(one)).toBe(401);
    // The runtime counts anew when the clock's minute changes: that meets one of two floods, and two are too few to fill counts apart.
    expect([await flood(), await flood()]).toContainEqual([429, 429, 429]);
    expect(await from("2001:db8:1:3::1")).toBe(401);
    expect(await from("203.0.113.7")).toBe(401);
    await session.close();
  });
});

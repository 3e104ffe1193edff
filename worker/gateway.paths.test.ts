/** Addresses around the endpoint: what is served, and what a wrong one hears. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CALL, MODERN, fetchAlone, startSession, type Session } from "./test/session.ts";

let session: Session;
beforeAll(async () => {
  session = await startSession();
});
beforeEach(() => session.reset());
afterAll(() => session.close());

describe("the endpoint's address as people write it", () => {
  const post = async (path: string): Promise<Response> =>
    fetchAlone(session.gateway.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${await session.token()}`, "content-type": "application/json", ...MODERN },
      body: JSON.stringify(CALL),
      redirect: "manual",
    });

  it.each(["/mcp", "/mcp/", "/mcp?x", "/mcp/?x=1", "/mcp#", "/mcp/#part"])("%s is served", async (path) => {
    const response = await post(path);
    expect([response.status, await response.json()]).toMatchObject([200, { result: { servedBy: "koyeb" } }]);
    expect(session.koyeb.seen.map(({ url }) => url)).toEqual(["/mcp"]);
  });

  it.each(["//mcp", "/MCP", "/mcp//", "/mcp/x", "/"])("%s is not, and hears where the endpoint is", async (path) => {
    const response = await post(path);
    expect([404, 405]).toContain(response.status);
    expect(JSON.stringify(await response.json())).toContain("The MCP endpoint is POST /mcp.");
    expect(session.koyeb.seen).toEqual([]);
  });

  it.each(["/sse", "/messages/"])("%s hears that this transport is not served, and which one is", async (path) => {
    const response = await fetchAlone(session.gateway.url + path, { headers: { accept: "text/event-stream" } });
    expect([response.status, await response.json()]).toMatchObject([
      404,
      { error: { code: 40401, message: expect.stringContaining("use Streamable HTTP") } },
    ]);
  });

  it("with a slash behind it has the same challenge, and metadata that name the one resource", async () => {
    const [plain, slash] = await Promise.all(
      ["/mcp", "/mcp/"].map((path) =>
        fetchAlone(session.gateway.url + path, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: "{}",
        }),
      ),
    );
    expect(slash?.status).toBe(401);
    expect(slash?.headers.get("www-authenticate")).toBe(plain?.headers.get("www-authenticate"));
    const documents = await Promise.all(
      ["/mcp", "/mcp/"].map(async (path) =>
        (await fetchAlone(`${session.gateway.url}/.well-known/oauth-protected-resource${path}`)).text(),
      ),
    );
    expect(documents[1]).toBe(documents[0]);
    expect(documents[0]).toContain('"resource":"https://mcp.example.com/mcp"');
  });
});

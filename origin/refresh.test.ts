/** How the token broker asks each provider for a new access token: the requests that their references describe. */
import { describe, expect, it } from "vitest";
import { refresh, type Provider } from "../supabase/functions/token-broker/refresh.ts";

const PROVIDER: Provider = { tokenUrl: "https://provider.example/token", clientId: "client", clientSecret: "s+cret" };

async function asked(provider: Provider, reply: unknown = { access_token: "next" }, status = 200) {
  const sent: { headers: Record<string, string>; body: string }[] = [];
  const fake = (async (_: string, init: { headers: Record<string, string>; body: string }) => {
    sent.push({ headers: init.headers, body: init.body });
    return Response.json(reply, { status });
  }) as unknown as typeof fetch;
  return { refreshed: await refresh(provider, "old", fake), ...sent[0] };
}

describe("refresh at a provider", () => {
  it("authenticates by Basic and sends a form where nothing else is said", async () => {
    const { headers, body } = await asked(PROVIDER);
    expect(headers).toMatchObject({ authorization: `Basic ${btoa("client:s%2Bcret")}` });
    expect(body).toBe("grant_type=refresh_token&refresh_token=old");
  });

  it("sends GitHub its client as parameters, which is the way that GitHub documents", async () => {
    const { headers, body } = await asked({ ...PROVIDER, style: "github" });
    expect(headers).not.toHaveProperty("authorization");
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      grant_type: "refresh_token",
      refresh_token: "old",
      client_id: "client",
      client_secret: "s+cret",
    });
  });

  it("sends Notion JSON with its dated version", async () => {
    const { headers, body } = await asked({ ...PROVIDER, style: "notion" });
    expect(headers).toMatchObject({
      authorization: `Basic ${btoa("client:s+cret")}`,
      "content-type": "application/json",
      "notion-version": "2022-06-28",
    });
    expect(JSON.parse(body ?? "")).toEqual({ grant_type: "refresh_token", refresh_token: "old" });
  });

  it.each([
    ["error, as RFC 6749 has it", { error: "invalid_grant" }, 400],
    ["code, as Notion has it", { object: "error", status: 400, code: "invalid_grant", message: "canary" }, 400],
    ["error with status 200, as GitHub has it", { error: "bad_refresh_token" }, 200],
  ])("takes a refresh token for dead that is refused by %s", async (_, reply, status) => {
    expect((await asked(PROVIDER, reply, status)).refreshed).toEqual({ kind: "broken" });
  });

  it("takes nothing else for a dead refresh token", async () => {
    const wrongClient = { error: "incorrect_client_credentials" };
    expect((await asked(PROVIDER, wrongClient)).refreshed).toEqual({ kind: "unavailable" });
    expect((await asked(PROVIDER, { object: "error", status: 401, code: "unauthorized" }, 401)).refreshed).toEqual({
      kind: "unavailable",
    });
  });
});

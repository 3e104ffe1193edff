import { createHash } from "node:crypto";
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createContext } from "../context.ts";
import { startIdp, type Idp } from "./idp.ts";
import { userId } from "./tokens.ts";

const RESOURCE = "http://127.0.0.1:1/mcp";
let idp: Idp;

beforeEach(async () => {
  idp = await startIdp(createContext({ log: () => undefined }));
  idp.setResource(RESOURCE);
});
afterEach(() => idp.close());

const keys = () => createRemoteJWKSet(new URL(`${idp.issuer}/.well-known/jwks.json`));
const post = (path: string, body: string, type: string) =>
  fetch(`${idp.issuer}${path}`, { method: "POST", body, headers: { "content-type": type } });

test("an access token carries the claims of Supabase, one audience and the OAuth client", async () => {
  const token = await idp.mint({ sub: userId(7) });
  const { payload } = await jwtVerify(token, keys(), { issuer: idp.issuer, audience: RESOURCE, algorithms: ["ES256"] });
  expect(decodeProtectedHeader(token)).toMatchObject({ alg: "ES256", typ: "JWT" });
  expect(payload.aud).toBe(RESOURCE);
  expect(Object.keys(payload).sort()).toEqual(
    [
      "aal",
      "aud",
      "client_id",
      "email",
      "exp",
      "iat",
      "is_anonymous",
      "iss",
      "phone",
      "role",
      "session_id",
      "sub",
    ].sort(),
  );
  expect(payload).toMatchObject({ sub: userId(7), role: "authenticated", is_anonymous: false });
});

test("a claim can be overridden or removed, so that every refusal can be provoked", async () => {
  const payload = decodeJwt(await idp.mint({ claims: { aud: ["a", "b"], role: undefined } }));
  expect(payload.aud).toEqual(["a", "b"]);
  expect(payload).not.toHaveProperty("role");
});

test("a rotated key signs at once, the old one is published until it is revoked", async () => {
  const before = await idp.mint();
  const kid = await idp.rotateKey();
  expect(decodeProtectedHeader(await idp.mint()).kid).toBe(kid);
  await expect(jwtVerify(before, keys())).resolves.toBeDefined();
  await idp.rotateKey({ revoke: true });
  await expect(jwtVerify(before, keys())).rejects.toThrow();
});

test("the OAuth code flow with PKCE ends in a token for the resource; a code works once", async () => {
  const metadata = (await (
    await fetch(`${new URL(idp.issuer).origin}/.well-known/oauth-authorization-server/auth/v1`)
  ).json()) as {
    issuer: string;
  };
  expect(metadata.issuer).toBe(idp.issuer);
  const redirect = "http://127.0.0.1:9/callback";
  const registered = await post(
    "/oauth/clients/register",
    JSON.stringify({ redirect_uris: [redirect] }),
    "application/json",
  );
  const { client_id: client } = (await registered.json()) as { client_id: string };
  const verifier = "v".repeat(43);
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: client,
    redirect_uri: redirect,
    code_challenge: challenge,
    code_challenge_method: "S256",
    state: "s",
    login_hint: "user-3@sandbox.test",
  });
  const authorize = async () => {
    const answer = await fetch(`${idp.issuer}/oauth/authorize?${String(query)}`, { redirect: "manual" });
    const location = new URL(answer.headers.get("location") ?? "");
    expect(location.searchParams.get("state")).toBe("s");
    return location.searchParams.get("code") ?? "";
  };
  query.set("scope", "openid calendar");
  const strange = await fetch(`${idp.issuer}/oauth/authorize?${String(query)}`, { redirect: "manual" });
  expect(new URL(strange.headers.get("location") ?? "").searchParams.get("error")).toBe("invalid_scope");
  query.set("scope", "openid profile");
  let code = await authorize();
  const exchange = (code_verifier: string) =>
    post(
      "/oauth/token",
      String(
        new URLSearchParams({
          grant_type: "authorization_code",
          client_id: client,
          redirect_uri: redirect,
          code,
          code_verifier,
        }),
      ),
      "application/x-www-form-urlencoded",
    );
  expect((await exchange("w".repeat(43))).status).toBe(400);
  code = await authorize();
  const first = await exchange(verifier);
  const answer = (await first.json()) as { access_token: string; refresh_token: string };
  const { access_token: token, refresh_token: refresh } = answer;
  // Nothing but what Supabase answers: a client refuses scopes in it that it never asked for.
  expect(Object.keys(answer).toSorted()).toEqual(["access_token", "expires_in", "refresh_token", "token_type"]);
  expect(decodeJwt(token)).toMatchObject({
    aud: RESOURCE,
    client_id: client,
    sub: userId(3),
    scope: "openid profile",
  });
  expect((await exchange(verifier)).status).toBe(400);
  const renew = () =>
    post(
      "/oauth/token",
      String(new URLSearchParams({ grant_type: "refresh_token", client_id: client, refresh_token: refresh })),
      "application/x-www-form-urlencoded",
    );
  expect([(await renew()).status, (await renew()).status]).toEqual([200, 400]);
});

test("a redirect that leaves this machine is refused", async () => {
  const registered = await post(
    "/oauth/clients/register",
    JSON.stringify({ redirect_uris: ["https://evil.test/cb"] }),
    "application/json",
  );
  expect(registered.status).toBe(400);
});

test("a plain sign-in gives a token that is not for the MCP resource", async () => {
  const sign = (password: string) =>
    post("/token?grant_type=password", JSON.stringify({ email: "user-1@sandbox.test", password }), "application/json");
  expect((await sign("wrong")).status).toBe(400);
  const { access_token: token } = (await (await sign("sandbox")).json()) as { access_token: string };
  expect(decodeJwt(token).aud).toBe("authenticated");
  expect(decodeJwt(token)).not.toHaveProperty("client_id");
});

test.each(["", "null", '"x"', "[]", "{", '{"email":5}', '{"email":null,"password":null}'])(
  "a sign-in with the body %j is refused as Supabase refuses it",
  async (body) => {
    const answer = await post("/token?grant_type=password", body, "application/json");
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { code: 400, error_code: "bad_json", msg: "Could not parse request body as JSON" },
    ]);
  },
);

import { describe, expect, it } from "vitest";
import { configOf } from "../test/config.ts";
import { claimsAt, RESOURCE } from "../test/tokens.ts";
import { issuedForUs, joseHeader, subject, userIdOf } from "./token.ts";

const NOW = 1_795_000_000;
const config = configOf([{ name: "koyeb", url: "https://koyeb.test" }], "https://issuer.test/jwks");
const withAuth = (auth: Partial<typeof config.auth>): typeof config => ({
  ...config,
  auth: { ...config.auth, ...auth },
});
const reasonOf = (result: { readonly ok: boolean; readonly error?: { readonly reason: string } }): string =>
  result.error?.reason ?? "accepted";

describe("JOSE header", () => {
  const good = { alg: "ES256", typ: "JWT", kid: "key-1" };
  it.each([
    ["ES256", "JWT"],
    ["RS256", "jwt"],
    ["ES256", "at+jwt"],
    ["ES256", "AT+JWT"],
    ["ES256", "application/at+jwt"],
    ["RS256", "Application/AT+JWT"],
    ["ES256", "application/jwt"],
  ])("takes alg %s with typ %s", (alg, typ) => {
    expect(joseHeader({ ...good, alg, typ })).toEqual({ ok: true, value: { alg, kid: "key-1", injectsKey: false } });
  });

  it.each([
    ...[
      "none",
      "None",
      "NONE",
      "nOnE",
      "",
      "HS256",
      "HS512",
      "ES384",
      "ES512",
      "RS384",
      "RS512",
      "PS256",
      "EdDSA",
      "ES256K",
      "es256",
      "ES256 ",
      null,
      1,
      ["ES256"],
      {},
    ].map((alg) => ["auth.alg", { ...good, alg }] as const),
    ...[undefined, "", "JWS", "JOSE", "dpop+jwt", "logout+jwt", "jwt ", null, 1].map(
      (typ) => ["auth.typ", { ...good, typ }] as const,
    ),
    ...[["exp"], [], ["b64"], "exp", null].map((crit) => ["auth.crit", { ...good, crit }] as const),
    ...[undefined, "", 1, null, ["key-1"], "k".repeat(257)].map((kid) => ["auth.kid", { ...good, kid }] as const),
    ["auth.alg", {}] as const,
  ])("refuses with %s: %j", (reason, header) => {
    expect(reasonOf(joseHeader(header))).toBe(reason);
  });

  it.each(["jwk", "jku", "x5u", "x5c"])("never uses %s, and says that it was there", (member) => {
    expect(joseHeader({ ...good, [member]: {} })).toMatchObject({ ok: true, value: { injectsKey: true } });
  });
});

describe("claims before the signature", () => {
  const judge = (more: Record<string, unknown>, settings = config): string =>
    reasonOf(issuedForUs(claimsAt(NOW, more), settings, NOW));

  it.each([
    ["accepted", {}],
    ["accepted", { aud: [RESOURCE] }],
    ["auth.aud", { aud: [RESOURCE, "https://other.example"] }],
    ["auth.aud", { aud: ["https://other.example", RESOURCE] }],
    ["auth.aud", { aud: [RESOURCE, RESOURCE] }],
    ["auth.aud", { aud: [[RESOURCE]] }],
    ["auth.aud", { aud: [] }],
    ["auth.aud", { aud: "authenticated" }],
    ["auth.aud", { aud: ["authenticated", RESOURCE] }],
    ["auth.aud", { aud: `${RESOURCE}/` }],
    ["auth.aud", { aud: RESOURCE.toUpperCase() }],
    ["auth.aud", { aud: ` ${RESOURCE}` }],
    ["auth.aud", { aud: undefined }],
    ["auth.aud", { aud: null }],
    ["auth.aud", { aud: { 0: RESOURCE, length: 1 } }],
    ["auth.iss", { iss: "https://issuer.test/auth/v1/" }],
    ["auth.iss", { iss: "https://evil.test/auth/v1" }],
    ["auth.iss", { iss: "supabase" }],
    ["auth.iss", { iss: ["https://issuer.test/auth/v1"] }],
    ["auth.iss", { iss: undefined }],
    ["accepted", { exp: NOW - 29 }],
    ["auth.exp", { exp: NOW - 30 }],
    ["auth.exp", { exp: NOW - 3600 }],
    ["auth.lifetime", { exp: String(NOW + 3600) }],
    ["auth.lifetime", { exp: undefined }],
    ["auth.lifetime", { exp: null }],
    ["auth.exp", { exp: 0 }],
    ["auth.lifetime", { exp: 1e308 }],
    ["accepted", { exp: NOW + 86_400 }],
    ["auth.lifetime", { exp: NOW + 86_401 }],
    ["auth.lifetime", { iat: undefined }],
    ["auth.lifetime", { iat: String(NOW) }],
    ["accepted", { iat: NOW + 30 }],
    ["auth.nbf", { iat: NOW + 31 }],
    ["accepted", { nbf: NOW + 30 }],
    ["auth.nbf", { nbf: NOW + 31 }],
    ["auth.nbf", { nbf: String(NOW) }],
    ["auth.nbf", { nbf: null }],
  ])("%s: %j", (reason, more) => {
    expect(judge(more)).toBe(reason);
  });

  it("keeps to the longest lifetime that the installation allows", () => {
    expect(judge({ exp: NOW + 601 }, withAuth({ maxLifetimeSeconds: 600 }))).toBe("auth.lifetime");
    expect(judge({ exp: NOW + 600 }, withAuth({ maxLifetimeSeconds: 600 }))).toBe("accepted");
  });
});

describe("subject", () => {
  const judge = (more: Record<string, unknown>, settings = config): string =>
    reasonOf(subject(claimsAt(NOW, more), settings, NOW + 60));

  it.each([
    ["accepted", {}],
    ["auth.role", { role: "anon" }],
    ["auth.role", { role: "service_role" }],
    ["auth.role", { role: ["authenticated"] }],
    ["auth.role", { role: undefined }],
    ["auth.sub", { sub: undefined }],
    ["auth.sub", { sub: "" }],
    ["auth.sub", { sub: "11111111-2222-4333-8444-55555555555A" }],
    ["auth.sub", { sub: "11111111222243338444555555555555" }],
    ["auth.sub", { sub: " 11111111-2222-4333-8444-555555555555" }],
    ["auth.sub", { sub: "11111111-2222-4333-8444-555555555555\n" }],
    ["auth.sub", { sub: ["11111111-2222-4333-8444-555555555555"] }],
    ["auth.sub", { sub: 1 }],
    ["auth.anon", { is_anonymous: true }],
    ["auth.anon", { is_anonymous: "true" }],
    ["accepted", { is_anonymous: undefined }],
  ])("%s: %j", (reason, more) => {
    expect(judge(more)).toBe(reason);
  });

  it("takes anonymous users only where they are allowed", () => {
    expect(judge({ is_anonymous: true }, withAuth({ allowAnonymous: true }))).toBe("accepted");
  });

  it.each([
    ["accepted", "aal2"],
    ["auth.aal", "aal1"],
    ["auth.aal", undefined],
    ["auth.aal", ["aal2"]],
  ])("with a second factor required: %s for aal %j", (reason, aal) => {
    expect(judge({ aal }, withAuth({ requireAal2: true }))).toBe(reason);
  });

  it.each([
    ["accepted", "client-1"],
    ["auth.client", "client-2"],
    ["auth.client", undefined],
    ["auth.client", ["client-1"]],
  ])("with a list of clients: %s for client_id %j", (reason, client_id) => {
    expect(judge({ client_id }, withAuth({ clientIds: ["client-1"] }))).toBe(reason);
  });

  it.each([
    ["accepted", "tools:call"],
    ["accepted", "email tools:call profile"],
    ["auth.scope", "email"],
    ["auth.scope", "tools:call2"],
    ["auth.scope", "TOOLS:CALL"],
    ["auth.scope", "tools:call,email"],
    ["auth.scope", ["tools:call"]],
    ["auth.scope", ""],
    ["auth.scope", undefined],
  ])("with a scope required: %s for scope %j", (reason, scope) => {
    expect(judge({ scope }, withAuth({ requiredScopes: ["tools:call"] }))).toBe(reason);
  });

  it("passes on a client id only when it fits into a header", () => {
    expect(subject(claimsAt(NOW, { client_id: "a\r\nx-user-id: b" }), config, NOW)).toMatchObject({
      ok: true,
      value: { clientId: null },
    });
    expect(subject(claimsAt(NOW), config, NOW)).toMatchObject({ ok: true, value: { clientId: "client-1" } });
  });
});

describe("a subject of another provider", () => {
  const oidc = withAuth({ provider: "oidc" });
  const bare = (more: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
    ...claimsAt(NOW),
    role: undefined,
    is_anonymous: undefined,
    ...more,
  });

  it.each([
    "auth0|64b0c8",
    "user_2abc",
    "11111111-2222-4333-8444-555555555555",
    "A",
    "google-oauth2|1",
    "x".repeat(255),
  ])("may be %s, without a role", (sub) => {
    expect(subject(bare({ sub }), oidc, NOW)).toMatchObject({ ok: true, value: { sub } });
    expect(reasonOf(subject(bare({ sub }), config, NOW))).toBe("auth.role");
  });

  it.each([
    ["auth.sub", { sub: "" }],
    ["auth.sub", { sub: undefined }],
    ["auth.sub", { sub: 1 }],
    ["auth.sub", { sub: "a b" }],
    ["auth.sub", { sub: "a\r\nb" }],
    ["auth.sub", { sub: "ä" }],
    ["auth.sub", { sub: "x".repeat(256) }],
    ["auth.role", { sub: "a", role: "anon" }],
    ["auth.role", { sub: "a", role: "service_role" }],
    ["auth.anon", { sub: "a", is_anonymous: true }],
  ])("is refused with %s: %j", (reason, more) => {
    expect(reasonOf(subject(bare(more), oidc, NOW))).toBe(reason);
  });

  it.each([
    ["a text", { scope: "openid tools:call" }],
    ["a list", { scope: ["openid", "tools:call"] }],
    ["called scp", { scp: "tools:call" }],
    ["a list called scp", { scp: ["tools:call"] }],
  ])("may have its scopes as %s", (_, more) => {
    const strict = withAuth({ provider: "oidc", requiredScopes: ["tools:call"] });
    expect(reasonOf(subject(bare({ sub: "a", ...more }), strict, NOW))).toBe("accepted");
    expect(reasonOf(subject(bare({ sub: "a" }), strict, NOW))).toBe("auth.scope");
  });

  it("names its client as client_id or azp", () => {
    const listed = withAuth({ provider: "oidc", clientIds: ["app"] });
    expect(reasonOf(subject(bare({ sub: "a", client_id: undefined, azp: "app" }), listed, NOW))).toBe("accepted");
    expect(reasonOf(subject(bare({ sub: "a", client_id: "other", azp: "app" }), listed, NOW))).toBe("auth.client");
  });

  it.each([
    ["https://tenant.eu.auth0.com/", "auth0|64b0c8", "b39284aa-55df-599b-ad93-25a07d3c360c"],
    ["https://clerk.example.com", "user_2abc", "4b4a977b-1cee-5680-a061-40cf26d54fc5"],
  ])("of %s called %s is the user %s", async (issuer, sub, userId) => {
    expect(await userIdOf(issuer, sub)).toBe(userId);
  });
});

describe("several audiences", () => {
  const other = "https://tenant.eu.auth0.com/userinfo";
  const also = withAuth({ alsoAudiences: [other] });
  const judged = (aud: unknown, settings = also): string =>
    reasonOf(issuedForUs(claimsAt(NOW, { aud }), settings, NOW));

  it("are taken where all of the others are named", () => {
    for (const aud of [RESOURCE, [RESOURCE], [RESOURCE, other], [other, RESOURCE]])
      expect(judged(aud)).toBe("accepted");
    for (const aud of [other, [other], [RESOURCE, other, "https://evil.test"], [RESOURCE, RESOURCE], []])
      expect(judged(aud)).toBe("auth.aud");
    expect(judged([RESOURCE, other], config)).toBe("auth.aud");
  });
});

/**
 * Forged access tokens, as data: how each is made from an honest one and which check must refuse it. Own vectors; the families
 * follow published attack lists for JOSE (algorithm confusion, key injection, encodings, claims) and name no library.
 */
import { toBase64Url } from "../base64url.ts";
import { claimsAt, signToken, type IssuerKey } from "./tokens.ts";

/** What a forger has: an honest token and its public key, and keys of his own. */
export interface Forge {
  /** Seconds since the epoch. */
  readonly now: number;
  readonly issuer: IssuerKey;
  readonly rsa: IssuerKey;
  readonly stranger: IssuerKey;
  readonly honest: string;
}

export interface Forgery {
  readonly name: string;
  /** Reason in the log. */
  readonly reason: string;
  /** True when the checks before the signature let it pass, so that a key may be looked up. */
  readonly asksForKey?: boolean;
  readonly make: (forge: Forge) => string | Promise<string>;
}

export const encode = (value: unknown): string =>
  toBase64Url(new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)));
const decode = (part: string): Record<string, unknown> =>
  JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/"))) as Record<string, unknown>;
const partsOf = (token: string): [string, string, string] => token.split(".") as [string, string, string];
const bytesOf = (part: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

/** Same payload and signature under another header. */
const withHeader =
  (change: Record<string, unknown>) =>
  ({ honest }: Forge): string => {
    const [header, payload, signature] = partsOf(honest);
    return `${encode({ ...decode(header), ...change })}.${payload}.${signature}`;
  };
/** Honestly signed, but with other claims. */
const withClaims =
  (change: Record<string, unknown>) =>
  ({ issuer, now }: Forge): Promise<string> =>
    signToken(issuer, claimsAt(now, change));
/** Honestly signed over a payload text that no JSON writer would produce. */
const withPayloadText =
  (change: (json: string) => string) =>
  async ({ issuer, now }: Forge): Promise<string> => {
    const head = encode({ alg: issuer.alg, typ: "JWT", kid: issuer.kid });
    const body = encode(change(JSON.stringify(claimsAt(now))));
    const input = new TextEncoder().encode(`${head}.${body}`);
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, issuer.privateKey, input);
    return `${head}.${body}.${toBase64Url(new Uint8Array(signature))}`;
  };
/** Another signature under the same text. */
const withSignature =
  (change: (signature: Uint8Array<ArrayBuffer>) => Uint8Array) =>
  ({ honest }: Forge): string => {
    const [header, payload, signature] = partsOf(honest);
    return `${header}.${payload}.${toBase64Url(change(bytesOf(signature)))}`;
  };
/** The whole text of a token changed. */
const withText =
  (change: (header: string, payload: string, signature: string) => string) =>
  ({ honest }: Forge): string =>
    change(...partsOf(honest));

/** HMAC over the token with the public key as the secret: the oldest confusion. */
async function hmacWithPublicKey({ rsa, now }: Forge, secret: string): Promise<string> {
  const input = `${encode({ alg: "HS256", typ: "JWT", kid: rsa.kid })}.${encode(claimsAt(now))}`;
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input));
  return `${input}.${toBase64Url(new Uint8Array(mac))}`;
}

const der = (signature: Uint8Array): Uint8Array => {
  const integer = (bytes: Uint8Array): number[] => [2, bytes.length + 1, 0, ...bytes];
  const body = [...integer(signature.subarray(0, 32)), ...integer(signature.subarray(32))];
  return Uint8Array.from([0x30, body.length, ...body]);
};
const flip = (index: number) => (signature: Uint8Array<ArrayBuffer>) => {
  const copy = Uint8Array.from(signature);
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
};

const HEADERS: readonly (readonly [string, string, Record<string, unknown>, boolean?])[] = [
  ...["none", "None", "NONE", "nOnE"].map((alg) => [`alg ${alg} with the old signature`, "auth.alg", { alg }] as const),
  ["alg HS256 with the old signature", "auth.alg", { alg: "HS256" }],
  ["alg ES384", "auth.alg", { alg: "ES384" }],
  ["alg as an array", "auth.alg", { alg: ["ES256"] }],
  ["alg RS256 with a P-256 key", "auth.key", { alg: "RS256" }, true],
  ["no typ", "auth.typ", { typ: undefined }],
  ["typ of another token", "auth.typ", { typ: "logout+jwt" }],
  ["crit with an unknown extension", "auth.crit", { crit: ["x"], x: 1 }],
  ["crit with b64", "auth.crit", { crit: ["b64"], b64: false }],
  ["an empty crit", "auth.crit", { crit: [] }],
  ["no kid", "auth.kid", { kid: undefined }],
  ["kid as a path", "auth.kid", { kid: "../../../../dev/null" }, true],
  ["kid as SQL", "auth.kid", { kid: "' UNION SELECT 'secret" }, true],
  ["kid as a URL", "auth.kid", { kid: "https://evil.test/jwks.json" }, true],
  ["kid of a prototype member", "auth.kid", { kid: "__proto__" }, true],
  ["kid constructor", "auth.kid", { kid: "constructor" }, true],
  ["kid in another case", "auth.kid", { kid: "KEY-1" }, true],
  ["kid with a trailing space", "auth.kid", { kid: "key-1 " }, true],
  ["an oversized kid", "auth.kid", { kid: "k".repeat(257) }],
  ["a header of more than 1 KB", "auth.size", { padding: "x".repeat(1100) }],
  ["one more header member", "auth.sig", { extra: 1 }, true],
];

const CLAIMS: readonly (readonly [string, string, (now: number) => Record<string, unknown>, boolean?])[] = [
  ["audience of the whole project", "auth.aud", () => ({ aud: "authenticated" })],
  [
    "our audience and a foreign one",
    "auth.aud",
    () => ({ aud: ["https://mcp.example.com/mcp", "https://foreign.example"] }),
  ],
  ["our audience in a nested array", "auth.aud", () => ({ aud: [["https://mcp.example.com/mcp"]] })],
  ["our audience with a slash", "auth.aud", () => ({ aud: "https://mcp.example.com/mcp/" })],
  ["no audience", "auth.aud", () => ({ aud: undefined })],
  ["another issuer", "auth.iss", () => ({ iss: "https://evil.test/auth/v1" })],
  ["a project key (anon)", "auth.iss", () => ({ iss: "supabase", role: "anon", aud: undefined })],
  ["a project key (service_role)", "auth.iss", () => ({ iss: "supabase", role: "service_role", aud: undefined })],
  ["expired 31 seconds ago", "auth.exp", (now) => ({ exp: now - 31 })],
  ["exp as text", "auth.lifetime", (now) => ({ exp: String(now + 600) })],
  ["exp in milliseconds", "auth.lifetime", (now) => ({ exp: (now + 600) * 1000 })],
  ["no exp", "auth.lifetime", () => ({ exp: undefined })],
  ["no iat", "auth.lifetime", () => ({ iat: undefined })],
  ["valid for 25 hours", "auth.lifetime", (now) => ({ exp: now + 90_000 })],
  ["not valid yet", "auth.nbf", (now) => ({ nbf: now + 60 })],
  ["issued in the future", "auth.nbf", (now) => ({ iat: now + 60 })],
  ["role service_role", "auth.role", () => ({ role: "service_role" }), true],
  ["role anon", "auth.role", () => ({ role: "anon" }), true],
  ["sub in upper case", "auth.sub", () => ({ sub: "AAAAAAAA-2222-4333-8444-555555555555" }), true],
  [
    "sub with a second user",
    "auth.sub",
    () => ({ sub: "11111111-2222-4333-8444-555555555555,22222222-2222-4333-8444-555555555555" }),
    true,
  ],
  ["an anonymous user", "auth.anon", () => ({ is_anonymous: true }), true],
];

export const FORGERIES: readonly Forgery[] = [
  ...HEADERS.map(([name, reason, change, asksForKey = false]) => ({
    name,
    reason,
    asksForKey,
    make: withHeader(change),
  })),
  ...CLAIMS.map(([name, reason, change, asksForKey = false]) => ({
    name,
    reason,
    asksForKey,
    make: (forge: Forge) => withClaims(change(forge.now))(forge),
  })),
  {
    name: "alg none without a signature",
    reason: "auth.shape",
    make: withText((_, p) => `${encode({ alg: "none", typ: "JWT", kid: "key-1" })}.${p}.`),
  },
  {
    name: "RS256 public key (JWK text) as an HMAC secret",
    reason: "auth.alg",
    make: (forge) => hmacWithPublicKey(forge, JSON.stringify(forge.rsa.publicJwk)),
  },
  {
    name: "RS256 modulus as an HMAC secret",
    reason: "auth.alg",
    make: (forge) => hmacWithPublicKey(forge, forge.rsa.publicJwk.n ?? ""),
  },
  { name: "an empty HMAC secret", reason: "auth.alg", make: (forge) => hmacWithPublicKey(forge, "x") },
  {
    name: "signed by a stranger under the issuer's kid",
    reason: "auth.sig",
    asksForKey: true,
    make: ({ stranger, now }) => signToken(stranger, claimsAt(now), { kid: "key-1" }),
  },
  {
    name: "signed by a stranger who brings his key in jwk",
    reason: "auth.sig",
    asksForKey: true,
    make: ({ stranger, now }) => signToken(stranger, claimsAt(now), { kid: "key-1", jwk: stranger.publicJwk }),
  },
  {
    name: "signed by a stranger who names his key set in jku",
    reason: "auth.sig",
    asksForKey: true,
    make: ({ stranger, now }) =>
      signToken(stranger, claimsAt(now), { kid: "key-1", jku: "https://evil.test/jwks.json" }),
  },
  {
    name: "signed by a stranger who names a certificate in x5u",
    reason: "auth.sig",
    asksForKey: true,
    make: ({ stranger, now }) =>
      signToken(stranger, claimsAt(now), { kid: "key-1", x5u: "https://evil.test/cert.pem" }),
  },
  {
    name: "an RSA signature under the kid of the P-256 key",
    reason: "auth.key",
    asksForKey: true,
    make: ({ rsa, now }) => signToken(rsa, claimsAt(now), { kid: "key-1" }),
  },
  {
    name: "an all-zero signature (r = s = 0)",
    reason: "auth.sig",
    asksForKey: true,
    make: withSignature(() => new Uint8Array(64)),
  },
  { name: "a DER signature", reason: "auth.sig", make: withSignature(der) },
  { name: "a signature of 63 bytes", reason: "auth.sig", make: withSignature((bytes) => bytes.subarray(1)) },
  {
    name: "a signature of 65 bytes",
    reason: "auth.sig",
    make: withSignature((bytes) => Uint8Array.from([0, ...bytes])),
  },
  { name: "one flipped bit in r", reason: "auth.sig", asksForKey: true, make: withSignature(flip(0)) },
  { name: "one flipped bit in s", reason: "auth.sig", asksForKey: true, make: withSignature(flip(63)) },
  {
    name: "another user's payload under this signature",
    reason: "auth.sig",
    asksForKey: true,
    make: withText((h, p, s) => `${h}.${encode({ ...decode(p), sub: "22222222-2222-4333-8444-555555555555" })}.${s}`),
  },
  { name: "padding after the signature", reason: "auth.shape", make: withText((h, p, s) => `${h}.${p}.${s}==`) },
  { name: "padding inside the header", reason: "auth.shape", make: withText((h, p, s) => `${h}=.${p}.${s}`) },
  {
    name: "a line break inside the payload",
    reason: "auth.shape",
    make: withText((h, p, s) => `${h}.${p.slice(0, 8)}\n${p.slice(8)}.${s}`),
  },
  {
    name: "a space inside the signature",
    reason: "auth.shape",
    make: withText((h, p, s) => `${h}.${p}.${s.slice(0, 8)} ${s.slice(8)}`),
  },
  {
    name: "the standard base64 alphabet",
    reason: "auth.shape",
    make: withText((h, p, s) => `${h}.${p}.+/${s.slice(2)}`),
  },
  {
    name: "a signature respelled in its unused bits",
    reason: "auth.shape",
    make: withText(
      (h, p, s) =>
        `${h}.${p}.${s.slice(0, -1)}${s.endsWith("A") ? "B" : String.fromCharCode(s.charCodeAt(s.length - 1) + 1)}`,
    ),
  },
  { name: "four segments", reason: "auth.shape", make: withText((h, p, s) => `${h}.${p}.${s}.${s}`) },
  {
    name: "five segments, as an encrypted token",
    reason: "auth.shape",
    make: withText((h, p, s) => `${h}.${p}.${s}.${s}.${s}`),
  },
  {
    name: "the JSON serialization",
    reason: "auth.multiple",
    make: withText((h, p, s) => JSON.stringify({ protected: h, payload: p, signature: s })),
  },
  { name: "a header that is an array", reason: "auth.shape", make: withText((_, p, s) => `${encode([])}.${p}.${s}`) },
  {
    name: "a header that is not JSON",
    reason: "auth.shape",
    make: withText((_, p, s) => `${encode("{alg:ES256}")}.${p}.${s}`),
  },
  {
    name: "alg twice in the header",
    reason: "auth.shape",
    make: withText((_, p, s) => `${encode('{"alg":"none","typ":"JWT","kid":"key-1","alg":"ES256"}')}.${p}.${s}`),
  },
  { name: "a payload that is text", reason: "auth.shape", make: withPayloadText(() => '"text"') },
  { name: "a payload that is null", reason: "auth.shape", make: withPayloadText(() => "null") },
  {
    name: "sub twice in the payload",
    reason: "auth.shape",
    make: withPayloadText((json) => `${json.slice(0, -1)},"sub":"22222222-2222-4333-8444-555555555555"}`),
  },
  {
    name: "role twice, once escaped",
    reason: "auth.shape",
    make: withPayloadText((json) => `${json.slice(0, -1)},"r\\u006fle":"service_role"}`),
  },
  {
    name: "a byte order mark before the payload",
    reason: "auth.shape",
    make: withPayloadText((json) => `\uFEFF${json}`),
  },
  { name: "a token of more than 8 KB", reason: "auth.size", make: withClaims({ padding: "x".repeat(9000) }) },
];

/** The gateway's checks of encoding, JOSE header, key set and signature, one vector at a time. Bundled for a test, never deployed. */
import { isSignedBy } from "../authenticate.ts";
import { fromBase64Url } from "../base64url.ts";
import { parseKeySet } from "../jwks/key-set.ts";
import type { JsonObject } from "../../contract/json.ts";
import { parseStrictObject } from "../json.ts";
import { bearer } from "../policy/bearer.ts";
import { joseHeader } from "../policy/token.ts";

/** A vector: a compact JWS, and the public keys that its receiver has. */
export interface Vector {
  readonly jws: string;
  readonly keys: readonly JsonObject[];
}
/** "accepted", or the check that refused. */
export type Verdict = "accepted" | "shape" | "header" | "key set" | "key" | "signature";

/**
 * What vectors lack and tokens need is put in its place: `typ`, and a key id where neither the header nor the only key has one.
 * Nothing else is changed. Claims are left out: the payloads are no claims.
 */
async function verdict({ jws, keys }: Vector): Promise<Verdict> {
  const token = bearer(`Bearer ${jws}`);
  if (!token.ok) return "shape";
  const [head, ...rest] = token.value.split(".").map(fromBase64Url);
  const jose = head ? parseStrictObject(head) : null;
  if (!jose || rest.some((part) => part === null)) return "shape";
  const only = keys.length === 1 ? (keys[0]?.["kid"] ?? "only") : undefined;
  const header = joseHeader({ ...jose, typ: "JWT", kid: jose["kid"] ?? only });
  if (!header.ok) return "header";
  const set = await parseKeySet({ keys: keys.map((key) => (only === undefined ? key : { ...key, kid: only })) });
  if (!set.ok) return "key set";
  const key = set.value.keys.get(header.value.kid)?.[header.value.alg];
  if (key === undefined || key === "ambiguous") return "key";
  return (await isSignedBy(token.value, key)) ? "accepted" : "signature";
}

/** `POST` vectors as JSON, in an array; answers with as many verdicts. */
export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(await Promise.all(((await request.json()) as readonly Vector[]).map(verdict)));
  },
};

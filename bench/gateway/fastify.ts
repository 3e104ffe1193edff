/** A gateway as many would write it: fastify, @fastify/jwt (ES256, iss, aud, exp; its cache on), @fastify/http-proxy. */
import jwt from "@fastify/jwt";
import proxy from "@fastify/http-proxy";
import Fastify from "fastify";

const [port = "", upstream = "", publicKey = "", issuer = "", audience = ""] = process.argv.slice(2);
const secret = process.env["GATEWAY_SECRET"] ?? "";
const app = Fastify({ logger: false });
await app.register(jwt, {
  secret: { public: Buffer.from(publicKey, "base64").toString(), private: "" },
  verify: { algorithms: ["ES256"], allowedIss: issuer, allowedAud: audience, cache: true },
});
await app.register(proxy, {
  upstream,
  prefix: "/mcp",
  rewritePrefix: "/mcp",
  httpMethods: ["POST"],
  http2: false,
  preHandler: async (request) => {
    await request.jwtVerify();
  },
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => {
      const { sub } = request.user as { readonly sub: string };
      const kept = Object.entries(headers).filter(([name]) => !/^(authorization|x-|cookie|connection|host)/.test(name));
      return { ...Object.fromEntries(kept), "x-gateway-secret": secret, "x-user-id": sub };
    },
  },
});
await app.listen({ port: Number(port), host: "127.0.0.1" });
process.send?.("ready");
process.on("disconnect", () => process.exit(0));

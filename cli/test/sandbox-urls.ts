/** Where a sandbox would be. Nobody listens there. */
import type { SandboxUrls } from "../../contract/sandbox.ts";

export const SANDBOX_URLS = {
  gateway: "http://127.0.0.1:1",
  github: "http://127.0.0.1:2",
  notion: "http://127.0.0.1:11",
  broker: "http://127.0.0.1:12/functions/v1/token-broker",
  cloudflare: "http://127.0.0.1:3/client/v4",
  koyeb: "http://127.0.0.1:4",
  fly: "http://127.0.0.1:5",
  issuer: "http://127.0.0.1:6/auth/v1",
  database: "postgres://127.0.0.1:7/x",
  control: "http://127.0.0.1:8",
  origins: { koyeb: "http://127.0.0.1:9", fly: "http://127.0.0.1:10" },
} satisfies SandboxUrls;

/** Names that every environment needs, so that the examples beside this file show only what is theirs. Nobody's accounts. */
import type { EnvironmentInput } from "../contract/config.ts";

export const environment: EnvironmentInput = {
  github: { owner: "acme", repo: "mcp", environment: "example" },
  cloudflare: {
    accountId: "0123456789abcdef0123456789abcdef",
    zone: "example.com",
    hostname: "mcp.example.com",
    worker: "mcpist-gateway",
  },
  origins: [
    { name: "koyeb", kind: "koyeb", url: "https://mcpist-acme.koyeb.app", app: "mcpist", service: "origin" },
    { name: "fly", kind: "fly", url: "https://mcpist-origin.fly.dev", app: "mcpist-origin" },
  ],
  auth: { issuer: "https://abcdefghijklmnopqrst.supabase.co/auth/v1", audience: "https://mcp.example.com/mcp" },
  image: "ghcr.io/acme/mcpist-origin:1.0.0",
};

/**
 * One installation, described once: names, accounts and limits, never a value. The names below are an example; `mcpist init`
 * writes this file for you. Every command and every stack reads it, so nothing is named twice.
 */
import { defineConfig } from "./contract/config.ts";

export default defineConfig({
  environments: {
    production: {
      github: { owner: "acme", repo: "mcp", environment: "production", scope: "environment" },
      cloudflare: {
        accountId: "0123456789abcdef0123456789abcdef",
        zone: "example.com",
        hostname: "mcp.example.com",
        worker: "mcpist-gateway",
      },
      // In order of preference.
      origins: [
        {
          name: "koyeb",
          kind: "koyeb",
          url: "https://mcpist-acme.koyeb.app",
          app: "mcpist",
          service: "origin",
          region: "fra",
        },
        {
          name: "fly",
          kind: "fly",
          url: "https://mcpist-origin.fly.dev",
          app: "mcpist-origin",
          region: "nrt",
          machines: 1,
        },
      ],
      auth: { issuer: "https://abcdefghijklmnopqrst.supabase.co/auth/v1", audience: "https://mcp.example.com/mcp" },
      image: "ghcr.io/acme/mcpist-origin:1.0.0",
      limits: { perIpPerMinute: 1000, burstPerSecond: 5 },
      drain: { minAge: "60s", quiet: "120s", max: "30m" },
    },
  },
});

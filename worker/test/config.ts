/** A gateway configuration for tests. */
import type { GatewayConfig } from "../../contract/runtime-config.ts";
import { ISSUER, RESOURCE } from "./tokens.ts";

/** A configuration with everything at its default. */
export const configOf = (
  origins: readonly {
    readonly name: string;
    readonly url: string;
    readonly state?: "pool" | "joining" | "quarantined";
  }[],
  jwksUrl: string,
  more: Partial<GatewayConfig> = {},
): GatewayConfig => ({
  environment: "test",
  resource: RESOURCE,
  issuer: ISSUER,
  jwksUrl,
  origins: origins.map(({ name, url, state = "pool" }) => ({ name, url, state })),
  allowedOrigins: ["https://app.example.com"],
  limits: { perIpPerMinute: 1000, failedAuthPerMinute: 60, burstPerSecond: 5 },
  auth: { maxLifetimeSeconds: 86_400, allowAnonymous: false, requireAal2: false, clientIds: [] },
  sharedDatabase: true,
  showOrigin: true,
  worker: "mcpist-gateway",
  securityContact: "mailto:security@example.com",
  ...more,
});

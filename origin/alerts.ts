/**
 * Tells a person: certain events are posted to a webhook, each kind at most once in ten minutes and user. The body carries the
 * fields of the security log and nothing else; the reply is not read. Failing to deliver is logged, never thrown.
 */
import type { SecurityEvent, SecurityEventName } from "../contract/security-event.ts";

/** The same alert is not sent again within this time. Unit: milliseconds. */
export const QUIET_MS = 600_000;
const TIMEOUT_MS = 5_000;
const MAX_KEYS = 1_000;

const ALERTING: ReadonlySet<SecurityEventName> = new Set<SecurityEventName>([
  "probe_suspected",
  "gateway_secret_rejected",
  "claim_owner_mismatch",
  "identity_malformed",
]);

/** What alerts need from outside. */
export interface AlertSources {
  /** null = alerts are only logged. */
  readonly webhook: string | null;
  readonly environment: string;
  readonly fetch: typeof fetch;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
  /** Writes one JSON line. */
  readonly line: (event: Readonly<Record<string, unknown>>) => void;
}

/** Sends alerts. */
export interface Alerts {
  /** Called for every written event. */
  consider(event: SecurityEvent): void;
  /** Resolves when nothing is under way. */
  settle(): Promise<void>;
}

/** Builds the alerts. */
export function createAlerts({ webhook, environment, fetch, now, line }: AlertSources): Alerts {
  const sentAt = new Map<string, number>();
  const underWay = new Set<Promise<void>>();

  async function post(event: SecurityEvent, url: string): Promise<void> {
    let outcome: string;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ alert: event.event, environment, ...event }),
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      outcome = response.ok ? "sent" : `status ${response.status}`;
    } catch {
      outcome = "unreachable";
    }
    line({ at: event.at, event: "alert", alert: event.event, outcome, requestId: event.requestId });
  }

  return {
    consider(event) {
      if (webhook === null || !ALERTING.has(event.event)) return;
      const key = `${event.event} ${event.userId ?? ""}`;
      const last = sentAt.get(key);
      if (last !== undefined && now() - last < QUIET_MS) return;
      if (sentAt.size >= MAX_KEYS) {
        for (const [old, at] of sentAt) if (now() - at >= QUIET_MS) sentAt.delete(old);
        const oldest = sentAt.keys().next();
        if (sentAt.size >= MAX_KEYS && !oldest.done) sentAt.delete(oldest.value);
      }
      sentAt.delete(key);
      sentAt.set(key, now());
      const sending = post(event, webhook).finally(() => underWay.delete(sending));
      underWay.add(sending);
    },
    async settle() {
      await Promise.all(underWay);
    },
  };
}

/** Health checks of a Machine. Each is critical until it was asked once, as on the platform; they end with the process. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Instance } from "../../processes/instance.ts";

/** One check as it was configured; only what the emulator acts on is named. */
export interface CheckConfig {
  readonly type?: string | undefined;
  readonly path?: string | undefined;
}

/** What a configuration says about checks. */
export interface Checked {
  readonly checks?: Readonly<Record<string, CheckConfig>> | undefined;
  readonly services?:
    | readonly { readonly internal_port?: number | undefined; readonly checks?: readonly CheckConfig[] | undefined }[]
    | undefined;
}

const TIMEOUT_MS = 5_000;
/** Between two rounds once everything passes. Unit: milliseconds. */
const CALM_MS = 1_000;

interface Check {
  readonly name: string;
  /** Null: a TCP check, which passes as soon as somebody listens. */
  readonly path: string | null;
  status: "passing" | "critical";
  output: string;
  updatedAt: Date;
}

export class Checks {
  readonly #checks: readonly Check[];
  readonly #ended = new AbortController();
  #rounds = 0;

  /** Starts asking. @param changed called after every round. @param pauseMs between rounds until everything passes. */
  constructor(config: Checked, instance: Instance, changed: () => void, pauseMs: number) {
    const ofServices = (config.services ?? []).flatMap((service, i) =>
      (service.checks ?? []).map(
        (check, j) => [`servicecheck-${i}${j}-http-${service.internal_port ?? 8080}`, check] as const,
      ),
    );
    const updatedAt = new Date();
    this.#checks = [...Object.entries(config.checks ?? {}), ...ofServices].map(([name, { type, path = "/" }]) => {
      return {
        name,
        path: type === "tcp" ? null : path,
        status: "critical",
        output: "waiting for status update",
        updatedAt,
      };
    });
    if (this.#checks.length > 0) void this.#ask(instance, changed, pauseMs);
  }

  /** Every check was asked at least once. */
  get known(): boolean {
    return this.#checks.length === 0 || this.#rounds > 0;
  }
  get passing(): boolean {
    return this.#checks.every((check) => check.status === "passing");
  }
  onWire() {
    return this.#checks.map(({ name, status, output, updatedAt }) => ({
      name,
      status,
      output,
      updated_at: updatedAt.toISOString(),
    }));
  }
  end(): void {
    this.#ended.abort();
  }

  async #ask(instance: Instance, changed: () => void, pauseMs: number): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      // A suspended Machine keeps its last results: nobody is asked.
      for (const check of instance.state === "listening" ? this.#checks : []) {
        const good = check.path === null || (await instance.healthy(check.path, TIMEOUT_MS));
        check.status = good ? "passing" : "critical";
        check.output = good ? "Success" : "no healthy answer";
        check.updatedAt = new Date();
      }
      if (signal.aborted) return;
      this.#rounds++;
      changed();
      await sleep(this.passing ? CALM_MS : pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}

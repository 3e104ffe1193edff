/** What a Machine is told to be: its states and its configuration, as far as the emulator acts on it. */
import type { CheckConfig } from "./checks.ts";

/** States of a Machine that this emulator passes through. */
export type MachineState =
  | "created"
  | "starting"
  | "started"
  | "stopping"
  | "stopped"
  | "suspending"
  | "suspended"
  | "replacing"
  | "destroying"
  | "destroyed"
  | "failed";

/** A configuration as it was sent; only what the emulator acts on is named. */
export interface MachineConfig {
  readonly image: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly services?: readonly ServiceConfig[] | undefined;
  readonly checks?: Readonly<Record<string, CheckConfig>> | undefined;
  readonly standbys?: readonly string[] | undefined;
  readonly restart?: { readonly policy?: string | undefined; readonly max_retries?: number | undefined } | undefined;
  readonly stop_config?: StopConfig | undefined;
}

/** Signals that a Machine may be stopped with. */
export const STOP_SIGNALS = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM"] as const;
export interface StopConfig {
  readonly signal?: (typeof STOP_SIGNALS)[number] | undefined;
  /** As Go writes a duration; here whole seconds. */
  readonly timeout?: string | undefined;
}
export interface ServiceConfig {
  readonly internal_port?: number | undefined;
  readonly autostart?: boolean | undefined;
  readonly checks?: readonly CheckConfig[] | undefined;
}

/** The proxy can reach it at all. */
export const hasService = (config: MachineConfig): boolean => (config.services ?? []).length > 0;
/** The proxy may start it when a request comes. The vendor's default is that it may not. */
export const isAutostarted = (config: MachineConfig): boolean =>
  (config.services ?? []).some((service) => service.autostart === true);
/** Started by the platform only when the Machine it watches fails. */
export const isStandby = (config: MachineConfig): boolean => (config.standbys ?? []).length > 0;

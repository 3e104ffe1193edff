/**
 * Who serves the calls of a server: one instance for all users, or one for each. Instances of users are bounded, end when nobody has
 * called them for a while, and end with their user.
 */
import type { ForeignCall, ForeignOutcome } from "./connection.ts";
import { onBehalfOf } from "./http-transport.ts";
import type { Supervisor } from "./supervisor.ts";
import { untilAborted } from "./until-aborted.ts";

/** Instances of users at once, per server. */
export const MAX_USER_INSTANCES = 20;
/** An instance that was not called for this long ends. Unit: milliseconds. */
export const IDLE_MS = 10 * 60_000;

/** Gives calls to instances. */
export interface Instances {
  /** @returns null when no instance takes the call: nothing was sent. */
  call(userId: string, call: ForeignCall): Promise<ForeignOutcome | null>;
  /** True when something belongs to this user alone. */
  has(userId: string): boolean;
  /** Ends what belongs to one user. */
  endUser(userId: string): Promise<void>;
  /** Ends instances that are idle. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

/** The one instance of all users. */
export const shared = (supervisor: Supervisor): Instances => ({
  call: (_userId, call) => supervisor.call(call),
  has: () => false,
  endUser: async () => {},
  sweep: async () => {},
  stop: async () => {},
});

interface UserInstance {
  readonly supervisor: Supervisor;
  calls: number;
  lastUsedAt: number;
}

/** One instance per user, started by the first call. `now` is monotonic, in milliseconds. */
export function perUser(make: () => Supervisor, now: () => number): Instances {
  const instances = new Map<string, UserInstance>();

  const end = async (userId: string, instance: UserInstance): Promise<void> => {
    if (instances.get(userId) === instance) instances.delete(userId);
    await instance.supervisor.stop();
  };
  const idle = (): [string, UserInstance] | undefined =>
    [...instances].filter(([, { calls }]) => calls === 0).sort(([, a], [, b]) => a.lastUsedAt - b.lastUsedAt)[0];

  async function instanceOf(userId: string): Promise<UserInstance | null> {
    const known = instances.get(userId);
    if (known) return known;
    if (instances.size >= MAX_USER_INSTANCES) {
      const oldest = idle();
      if (!oldest) return null;
      await end(...oldest);
      // Somebody else may have taken the place, or this user's other call may have made the instance.
      return instanceOf(userId);
    }
    const instance = { supervisor: make(), calls: 0, lastUsedAt: now() };
    instances.set(userId, instance);
    // It outlives the call that starts it, and what it sends by itself is none of that call's.
    onBehalfOf.run({ userId, requestId: null, account: null }, () => instance.supervisor.start());
    return instance;
  }

  return {
    async call(userId, call) {
      const instance = await instanceOf(userId);
      if (!instance) return null;
      instance.calls++;
      try {
        if (instance.supervisor.state === "starting") await untilAborted(instance.supervisor.settled(), call.signal);
        return call.signal.aborted ? null : await instance.supervisor.call(call);
      } finally {
        instance.calls--;
        instance.lastUsedAt = now();
      }
    },
    has: (userId) => instances.has(userId),
    async endUser(userId) {
      const instance = instances.get(userId);
      if (instance) await end(userId, instance);
    },
    async sweep() {
      const over = [...instances].filter(([, { calls, lastUsedAt }]) => calls === 0 && now() - lastUsedAt > IDLE_MS);
      await Promise.all(over.map((entry) => end(...entry)));
    },
    async stop() {
      await Promise.all([...instances].map((entry) => end(...entry)));
    },
  };
}

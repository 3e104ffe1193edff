/** An origin on Koyeb: two secrets of the organisation, and a service that takes them with its next deployment. */
import type { Environment } from "../../contract/config.ts";
import type { SlotName } from "../../contract/gateway-secret.ts";
import { markVariable, NO_MARK } from "../../contract/marks.ts";
import {
  koyebSecretName,
  koyebSlotSecret,
  neededSecrets,
  secretSpecs,
  type SecretSpec,
} from "../../contract/secret-names.ts";
import type { KidsReport } from "../../contract/slots.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Api } from "../http.ts";
import { inTime, LATE } from "./in-time.ts";
import { textAt } from "./json.ts";
import { koyebSecrets, koyebServiceId, putKoyebSecret, type KoyebOrigin, type KoyebSecret } from "./koyeb-api.ts";
import { deploymentOf, hasFailed, latestOf, rolledOut, stateOf } from "./koyeb-deployment.ts";
import { observeInstances, presentInstances } from "./koyeb-instances.ts";
import { calmDown, redeploy } from "./koyeb-rollout.ts";
import { originProbe, PEEK_TIMEOUT_MS } from "./origin-probe.ts";
import type { Guard, InstanceView, OriginLook, OriginTarget, Stamps, VaultSlots } from "./types.ts";

/** Whoever keeps deploying is not outrun. */
const LOOKS = 3;

/** One Koyeb origin. */
export function koyebOrigin(
  context: Context,
  api: Api,
  environmentName: string,
  environment: Environment,
  origin: KoyebOrigin,
): OriginTarget {
  const secretName = (slot: "a" | "b") => koyebSlotSecret(environmentName, slot);
  const legacyName = koyebSecretName(environmentName, "GATEWAY_SECRET");
  const ask = originProbe(context, origin);
  let cachedId: string | null = null;

  const joining = origin.state === "joining";
  const findService = async (): Promise<string | null> => (cachedId ??= await koyebServiceId(api, origin));
  const serviceId = async (): Promise<string> => {
    const id = await findService();
    if (id !== null) return id;
    throw new McpistError("ERR_NOT_FOUND", `Koyeb has no service ${origin.app}/${origin.service}`, {
      hint: HINTS.koyebService(),
    });
  };
  /** A deployment that names a secret which is not there fails, and a service of this version names the marks. */
  const makeMarks = async (guard: Guard): Promise<void> => {
    const held = await koyebSecrets(api);
    const names = neededSecrets(environment).map((name) => koyebSecretName(environmentName, markVariable(name)));
    for (const name of names) {
      if (held.has(name)) continue;
      await guard();
      // Another origin of the organisation may be making it as well.
      await api.call("POST", "/v1/secrets", { body: { name, type: "SIMPLE", value: NO_MARK }, accept: [400, 409] });
    }
  };
  return {
    name: origin.name,
    kind: "koyeb",
    state: origin.state,
    store: `koyeb/${environmentName}`,
    async names() {
      const names = await koyebSecrets(api);
      return {
        slots: (["a", "b"] as const).filter((slot) => names.has(secretName(slot))),
        legacy: names.has(legacyName),
      };
    },
    async write(values, guard) {
      for (const slot of ["a", "b"] as const) {
        const value = values[slot];
        if (value === undefined) continue;
        await putKoyebSecret(api, context, secretName(slot), value, guard);
      }
      await makeMarks(guard);
    },
    async put(name, value, mark, guard) {
      const stamp = await putKoyebSecret(api, context, koyebSecretName(environmentName, name), value, guard);
      await putKoyebSecret(api, context, koyebSecretName(environmentName, markVariable(name)), mark, guard);
      return stamp;
    },
    // The old deployment serves until the new one is healthy.
    outlook: async () => ({ alone: false, short: [] }),
    async deployed() {
      return (await findService()) !== null;
    },
    async roll(speed, guard) {
      // The service of a joining origin is deployed after its slots are written: without a slot it could not start.
      if (joining && (await findService()) === null) return;
      const service = await serviceId();
      const rollout = { context, api, origin, service };
      await rolledOut(rollout, await redeploy(rollout, speed, guard));
    },
    async settle(guard) {
      const service = await findService();
      const made = service === null ? null : await calmDown({ context, api, service }, guard);
      if (service !== null && made !== null) await rolledOut({ context, api, origin, service }, made);
    },
    async peek() {
      return (await ask({}, PEEK_TIMEOUT_MS))?.kids ?? null;
    },
    async look({ withinMs = Number.POSITIVE_INFINITY } = {}): Promise<OriginLook> {
      return inTime(withinMs, lookAt(withinMs / 2), LATE);
    },
  };

  async function lookAt(withinMs: number, looks = LOOKS): Promise<OriginLook> {
    if (joining && (await findService()) === null) return { ok: true, instances: [], config: null };
    const service = await serviceId();
    const latest = await latestOf(api, service);
    const [made, secrets] = await Promise.all([deploymentOf(api, latest), koyebSecrets(api)]);
    const stamps = stampsOf(environmentName, secretSpecs(environment), secrets);
    const list = () => presentInstances(api, `service_id=${service}`);
    // A first deployment that failed left nothing that could answer: its own reason is worth more than a wait.
    if (!joining && hasFailed(made) && (await list()).length === 0)
      return { ok: false, reason: `no instance runs: its deployment ${latest} is ${stateOf(made)}`, stamps };
    const instances = await context.waits.during(`${origin.name}: its instances to answer`, () =>
      observeInstances(context, origin, {
        list,
        listNewest: () => presentInstances(api, `deployment_id=${latest}`),
        ask,
        isComing: !hasFailed(made),
        withinMs,
      }),
    );
    // Somebody deployed meanwhile, and what was the newest is gone: nothing would be known of the configuration.
    const isOvertaken = !instances.views.some(({ newest }) => newest) && (await latestOf(api, service)) !== latest;
    if (looks > 1 && isOvertaken) return lookAt(withinMs, looks - 1);
    if (instances.reason !== undefined && !joining) {
      const now = await deploymentOf(api, latest);
      return { ok: false, reason: `${instances.reason}; its deployment ${latest} is ${stateOf(now)}`, stamps };
    }
    return {
      ok: true,
      instances: instances.views,
      ...configurationOf(
        Date.parse(textAt(made, "created_at", "a Koyeb deployment")),
        instances.views.find((view) => view.newest),
        { a: secrets.get(secretName("a")), b: secrets.get(secretName("b")) },
      ),
      stamps,
      ...(instances.silent.length > 0 ? { silent: instances.silent } : {}),
    };
  }
}

/**
 * The configuration is what the newest deployment took, unless a secret was written after that deployment was made (both times are
 * Koyeb's own).
 * @param takenAt when it was made. Unit: milliseconds since 1970. @param fresh one of its instances.
 */
function configurationOf(
  takenAt: number,
  fresh: InstanceView | undefined,
  secrets: Readonly<Record<SlotName, KoyebSecret | undefined>>,
): { readonly config: KidsReport | null; readonly slots: VaultSlots } {
  const kids = fresh?.kids;
  const isNewer = (name: SlotName) => Date.parse(secrets[name]?.updatedAt ?? "") > takenAt;
  const slotOf = (name: SlotName): VaultSlots[SlotName] => {
    if (!secrets[name]) return null;
    return !kids || "legacy" in kids || isNewer(name) ? "unknown" : kids[name];
  };
  const slots = { a: slotOf("a"), b: slotOf("b") };
  if (!kids) return { config: null, slots };
  // A slot that is gone is none that an instance has: the next deployment would fail or boot without it.
  const isTaken = "legacy" in kids ? !isNewer("a") && !isNewer("b") : slots.a === kids.a && slots.b === kids.b;
  return { config: isTaken ? kids : null, slots };
}

/** When the other secrets were written: Koyeb tells no digest. */
const stampsOf = (
  environmentName: string,
  specs: readonly SecretSpec[],
  secrets: ReadonlyMap<string, KoyebSecret>,
): Stamps =>
  Object.fromEntries(
    specs.flatMap(({ name }) => {
      const held = secrets.get(koyebSecretName(environmentName, name));
      return held ? [[name, held.updatedAt]] : [];
    }),
  );

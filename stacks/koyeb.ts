/**
 * An origin on Koyeb, in two stacks: the app, and the service that refuses to start before its secrets exist. Secrets are named,
 * never valued: Koyeb puts the value in when an instance starts.
 */
import type { Origin } from "../contract/config.ts";
import { HEALTH_PATH } from "../contract/headers.ts";
import { koyebSecretName, koyebSlotSecret } from "../contract/secret-names.ts";
import { KoyebApp, KoyebProvider, KoyebService, type KoyebVariable } from "./bindings/koyeb.ts";
import type { Construct } from "./cdktf.ts";
import { ORIGIN_PORT, originValues, secretVariables, slotVariables } from "./origin-variables.ts";
import type { Settings } from "./settings.ts";
import { McpistStack } from "./stack.ts";

/** One origin of this kind. */
export type KoyebOrigin = Extract<Origin, { kind: "koyeb" }>;

/** What pipelines may read of the app. */
export type KoyebAppOutputs = {
  /** Koyeb chooses this name; it is what `url` of the origin must say. Empty until there is one. */
  readonly public_domain: string;
};

/** The app of one origin. */
export class KoyebAppStack extends McpistStack {
  readonly outputs: KoyebAppOutputs;

  constructor(scope: Construct, settings: Settings, origin: KoyebOrigin) {
    super(scope, "base", `app-${origin.name}`, settings);
    new KoyebProvider(this, "koyeb");
    new KoyebApp(this, "app", { name: origin.app });
    this.outputs = this.publish({ public_domain: '${try(koyeb_app.app.domains[0].name, "")}' });
  }
}

/** The service of one origin. */
export class KoyebServiceStack extends McpistStack {
  constructor(scope: Construct, settings: Settings, origin: KoyebOrigin, app: KoyebAppStack) {
    super(scope, "service", origin.name, settings);
    // The name is known beforehand; waiting for the app needs no look into its state.
    this.addDependency(app);
    new KoyebProvider(this, "koyeb");
    const env: readonly KoyebVariable[] = [
      ...slotVariables.map(([slot, key]) => ({ key, secret: koyebSlotSecret(settings.name, slot) })),
      ...secretVariables(settings).map((key) => ({ key, secret: koyebSecretName(settings.name, key) })),
      ...Object.entries(originValues(settings, origin)).map(([key, value]) => ({ key, value })),
    ];
    const service = new KoyebService(this, "service", {
      appName: origin.app,
      name: origin.service,
      image: settings.image,
      region: origin.region,
      instanceType: "nano",
      // A plan's limit per minute is counted inside one instance; two of them would grant it twice.
      instances: 1,
      port: ORIGIN_PORT,
      env,
      health: { path: HEALTH_PATH, gracePeriodSeconds: 10, intervalSeconds: 30, timeoutSeconds: 5, restartLimit: 3 },
    });
    this.publish({ service_id: service.id });
  }
}

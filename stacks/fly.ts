/**
 * An origin on Fly.io, in two stacks: the app with its addresses, and the machines that refuse to start before the app's secrets
 * exist. Fly gives all secrets of an app to its machines at boot, so nothing here names one.
 */
import type { Origin } from "../contract/config.ts";
import { HEALTH_PATH } from "../contract/headers.ts";
import { isLoopbackHost } from "../contract/loopback.ts";
import { FlyApp, FlyCertificate, FlyIp, FlyMachine, FlyProvider } from "./bindings/fly.ts";
import type { Construct } from "./cdktf.ts";
import { ORIGIN_PORT, originValues } from "./origin-variables.ts";
import type { Settings } from "./settings.ts";
import { McpistStack } from "./stack.ts";

/** One origin of this kind. */
export type FlyOrigin = Extract<Origin, { kind: "fly" }>;

/** flyctl acts on machines that say so, and silently skips the others. */
const FLYCTL_METADATA = { fly_platform_version: "v2", fly_process_group: "app" } as const;

/** The origin's hostname when it is one of the operator's own, else null: Fly serves its own names by itself. */
function ownHostname(origin: FlyOrigin): string | null {
  const { hostname } = new URL(origin.url);
  return isLoopbackHost(hostname) || hostname.endsWith(".fly.dev") ? null : hostname;
}

const provider = (stack: McpistStack): void => {
  const { environment, flyBaseUrl } = stack.settings;
  new FlyProvider(stack, "fly", { organization: environment.fly.organization, baseUrl: flyBaseUrl });
};

/** What pipelines may read of the app. */
export type FlyAppOutputs = {
  readonly ipv4: string;
  readonly ipv6: string;
  /** What a CNAME record of the origin's own hostname must point to; only where it has one. */
  readonly cname?: string;
};

/** The app of one origin. */
export class FlyAppStack extends McpistStack {
  readonly outputs: FlyAppOutputs;

  constructor(scope: Construct, settings: Settings, origin: FlyOrigin) {
    super(scope, "base", `app-${origin.name}`, settings);
    provider(this);
    const app = new FlyApp(this, "app", { name: origin.app });
    // Free of charge, and enough for one TLS port.
    const v4 = new FlyIp(this, "v4", { app: app.name, type: "shared_v4" });
    const v6 = new FlyIp(this, "v6", { app: app.name, type: "public_v6" });
    const hostname = ownHostname(origin);
    const certificate = hostname === null ? null : new FlyCertificate(this, "certificate", { app: app.name, hostname });
    this.outputs = this.publish({
      ipv4: v4.address,
      ipv6: v6.address,
      ...(certificate ? { cname: certificate.cname } : {}),
    });
  }
}

/** The machines of one origin. */
export class FlyServiceStack extends McpistStack {
  constructor(scope: Construct, settings: Settings, origin: FlyOrigin, app: FlyAppStack) {
    super(scope, "service", origin.name, settings);
    // The name is known beforehand; waiting for the app needs no look into its state.
    this.addDependency(app);
    provider(this);
    const machines: FlyMachine[] = [];
    for (let number = 1; number <= origin.machines; number++) {
      const before = machines.at(-1);
      machines.push(
        new FlyMachine(this, `machine-${number}`, {
          app: origin.app,
          name: `${origin.app}-${number}`,
          region: origin.region,
          image: settings.image,
          env: originValues(settings, origin),
          metadata: FLYCTL_METADATA,
          guest: { cpuKind: "shared", cpus: 1, memoryMb: 512 },
          internalPort: ORIGIN_PORT,
          health: { path: HEALTH_PATH, interval: "10s", timeout: "2s" },
          // One after the other: the provider waits for a machine's checks, so a bad image stops at the first.
          ...(before ? { dependsOn: [before] } : {}),
        }),
      );
    }
    this.publish({ machine_ids: machines.map((machine) => machine.id).join(",") });
  }
}

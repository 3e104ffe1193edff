/**
 * Typed bindings for the two resources of koyeb/koyeb that the stacks use. Hand-written, because nobody publishes generated ones;
 * a test holds every synthesized argument against the provider's schema. `koyeb_secret` is left out on purpose: it would reveal
 * values into state.
 */
import { type Construct, type TerraformMetaArguments, TerraformProvider, TerraformResource } from "../cdktf.ts";
import { KOYEB_VERSION } from "../provider-versions.ts";

const METADATA = { providerName: "koyeb", providerVersionConstraint: KOYEB_VERSION } as const;

/** Takes no argument: its token is `KOYEB_TOKEN`, its host is fixed. */
export class KoyebProvider extends TerraformProvider {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      terraformResourceType: "koyeb",
      terraformProviderSource: "koyeb/koyeb",
      terraformGeneratorMetadata: METADATA,
    });
  }
}

/** Arguments of {@link KoyebApp}. */
export interface KoyebAppConfig extends TerraformMetaArguments {
  /** 3 to 23 characters. */
  readonly name: string;
}

/** An app: a name, a public domain, and room for services. */
export class KoyebApp extends TerraformResource {
  readonly #config: KoyebAppConfig;

  constructor(scope: Construct, id: string, config: KoyebAppConfig) {
    super(scope, id, { terraformResourceType: "koyeb_app", terraformGeneratorMetadata: METADATA, ...config });
    this.#config = config;
  }

  get name(): string {
    return this.getStringAttribute("name");
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return { name: this.#config.name };
  }
}

/** An environment variable: a value that anyone may read, or the name of a Koyeb secret. Never both. */
export type KoyebVariable =
  | { readonly key: string; readonly value: string }
  | { readonly key: string; /** Name, never a value. */ readonly secret: string };

/** Arguments of {@link KoyebService}. */
export interface KoyebServiceConfig extends TerraformMetaArguments {
  readonly appName: string;
  /** 3 to 64 characters. */
  readonly name: string;
  readonly image: string;
  readonly region: string;
  readonly instanceType: string;
  /** How many instances there are at all times. */
  readonly instances: number;
  /** The one port that the service listens on; all of `/` is routed to it. */
  readonly port: number;
  readonly env: readonly KoyebVariable[];
  readonly health: {
    readonly path: string;
    readonly gracePeriodSeconds: number;
    readonly intervalSeconds: number;
    readonly timeoutSeconds: number;
    readonly restartLimit: number;
  };
}

/** A web service from an image. */
export class KoyebService extends TerraformResource {
  readonly #config: KoyebServiceConfig;

  constructor(scope: Construct, id: string, config: KoyebServiceConfig) {
    super(scope, id, { terraformResourceType: "koyeb_service", terraformGeneratorMetadata: METADATA, ...config });
    this.#config = config;
  }

  get id(): string {
    return this.getStringAttribute("id");
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    const { appName, name, image, region, instanceType, instances, port, env, health } = this.#config;
    return {
      app_name: appName,
      definition: [
        {
          name,
          type: "WEB",
          regions: [region],
          instance_types: [{ type: instanceType }],
          scalings: [{ min: instances, max: instances }],
          ports: [{ port, protocol: "http" }],
          routes: [{ path: "/", port }],
          env: env.map((variable) => ({ ...variable })),
          health_checks: [
            {
              grace_period: health.gracePeriodSeconds,
              interval: health.intervalSeconds,
              timeout: health.timeoutSeconds,
              restart_limit: health.restartLimit,
              http: [{ port, path: health.path, method: "GET" }],
            },
          ],
          docker: [{ image }],
        },
      ],
    };
  }
}

/**
 * Typed bindings for the resources of ampbase-io/fly that the stacks use. Hand-written and narrow, so that another provider can
 * take its place behind them; a test holds every synthesized argument against the provider's schema. Neither `fly_secret` nor
 * `min_secrets_version` is here: secrets and the reboots that activate them belong to `mcpist secrets`.
 */
import { type Construct, type TerraformMetaArguments, TerraformProvider, TerraformResource } from "../cdktf.ts";
import { FLY_VERSION } from "../provider-versions.ts";

const METADATA = { providerName: "fly", providerVersionConstraint: FLY_VERSION } as const;

/** Arguments of {@link FlyProvider}; the token is `FLY_API_TOKEN`. */
export interface FlyProviderConfig {
  readonly organization: string;
  /** Machines API without `/v1`; null = Fly's own. */
  readonly baseUrl: string | null;
}

/** The provider. */
export class FlyProvider extends TerraformProvider {
  readonly #config: FlyProviderConfig;

  constructor(scope: Construct, id: string, config: FlyProviderConfig) {
    super(scope, id, {
      terraformResourceType: "fly",
      terraformProviderSource: "ampbase-io/fly",
      terraformGeneratorMetadata: METADATA,
    });
    this.#config = config;
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    const { organization, baseUrl } = this.#config;
    return { org_slug: organization, ...(baseUrl === null ? {} : { base_url: baseUrl }) };
  }
}

/** Arguments of {@link FlyApp}. */
export interface FlyAppConfig extends TerraformMetaArguments {
  /** Unique in all of Fly. */
  readonly name: string;
}

/** An app: a name that machines and addresses belong to. */
export class FlyApp extends TerraformResource {
  readonly #config: FlyAppConfig;

  constructor(scope: Construct, id: string, config: FlyAppConfig) {
    super(scope, id, { terraformResourceType: "fly_app", terraformGeneratorMetadata: METADATA, ...config });
    this.#config = config;
  }

  get name(): string {
    return this.getStringAttribute("name");
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return { name: this.#config.name };
  }
}

/** Arguments of {@link FlyIp}. */
export interface FlyIpConfig extends TerraformMetaArguments {
  readonly app: string;
  readonly type: "shared_v4" | "public_v4" | "public_v6" | "private_v6";
}

/** An address of an app. */
export class FlyIp extends TerraformResource {
  readonly #config: FlyIpConfig;

  constructor(scope: Construct, id: string, config: FlyIpConfig) {
    super(scope, id, { terraformResourceType: "fly_ip", terraformGeneratorMetadata: METADATA, ...config });
    this.#config = config;
  }

  get address(): string {
    return this.getStringAttribute("address");
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return { app: this.#config.app, type: this.#config.type };
  }
}

/** Arguments of {@link FlyCertificate}. */
export interface FlyCertificateConfig extends TerraformMetaArguments {
  readonly app: string;
  readonly hostname: string;
}

/** A certificate for a hostname of one's own. Made at once, valid when DNS points to the app. */
export class FlyCertificate extends TerraformResource {
  readonly #config: FlyCertificateConfig;

  constructor(scope: Construct, id: string, config: FlyCertificateConfig) {
    super(scope, id, { terraformResourceType: "fly_cert", terraformGeneratorMetadata: METADATA, ...config });
    this.#config = config;
  }

  /** What a CNAME record of the hostname must point to. */
  get cname(): string {
    return this.getStringAttribute("cname");
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return { app: this.#config.app, hostname: this.#config.hostname };
  }
}

/** Arguments of {@link FlyMachine}. */
export interface FlyMachineConfig extends TerraformMetaArguments {
  readonly app: string;
  /** Unique in the app; found again by it when an answer was lost. */
  readonly name: string;
  readonly region: string;
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly guest: { readonly cpuKind: "shared" | "performance"; readonly cpus: number; readonly memoryMb: number };
  /** The one port that the machine listens on; the proxy serves it on 443 only. */
  readonly internalPort: number;
  readonly health: { readonly path: string; readonly interval: string; readonly timeout: string };
}

/** A machine behind Fly's proxy: always on, TLS only. */
export class FlyMachine extends TerraformResource {
  readonly #config: FlyMachineConfig;

  constructor(scope: Construct, id: string, config: FlyMachineConfig) {
    super(scope, id, { terraformResourceType: "fly_machine", terraformGeneratorMetadata: METADATA, ...config });
    this.#config = config;
  }

  get id(): string {
    return this.getStringAttribute("id");
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    const { app, name, region, image, env, metadata, guest, internalPort, health } = this.#config;
    return {
      app,
      name,
      region,
      image,
      env,
      metadata,
      guest: { cpu_kind: guest.cpuKind, cpus: guest.cpus, memory_mb: guest.memoryMb },
      restart: { policy: "always" },
      service: [
        {
          internal_port: internalPort,
          protocol: "tcp",
          autostart: true,
          // A suspended machine keeps its memory, and with it an old secret.
          autostop: "off",
          port: [{ port: 443, handlers: ["tls", "http"] }],
          check: [
            {
              type: "http",
              port: internalPort,
              method: "GET",
              path: health.path,
              interval: health.interval,
              timeout: health.timeout,
            },
          ],
        },
      ],
    };
  }
}

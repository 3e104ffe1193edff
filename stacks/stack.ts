/**
 * What every stack of an environment shares: its name, its backend, and nothing else. State is kept on this machine or in an
 * S3-compatible bucket; credentials of the bucket come from the environment of Terraform (AWS_ACCESS_KEY_ID, …).
 */
import { join } from "node:path";
import { type Construct, LocalBackend, S3Backend, TerraformOutput, TerraformStack } from "./cdktf.ts";
import type { Settings } from "./settings.ts";

/** `base` stacks make the places that hold secrets, `service` stacks make what refuses to start without one. */
export type Tier = "base" | "service";

/** `production-base-edge`: environment, tier, part. */
export const stackName = (environment: string, tier: Tier, part: string): string => `${environment}-${tier}-${part}`;

/** Import blocks, `terraform_data` and locks by conditional write; Terraform and OpenTofu count alike up to there. */
const ENGINE_VERSIONS = ">= 1.10";

/** One unit of deployment with a state of its own. */
export abstract class McpistStack extends TerraformStack {
  readonly settings: Settings;

  constructor(scope: Construct, tier: Tier, part: string, settings: Settings) {
    const id = stackName(settings.name, tier, part);
    super(scope, id);
    this.settings = settings;
    this.addOverride("terraform.required_version", ENGINE_VERSIONS);
    const { backend } = settings.environment;
    if (backend.type === "local") {
      new LocalBackend(this, { path: join(settings.stateDirectory, `terraform.${id}.tfstate`) });
      return;
    }
    const bucket = new S3Backend(this, {
      bucket: backend.bucket,
      key: `${backend.prefix}/${id}.tfstate`,
      region: backend.region,
      endpoints: { s3: backend.endpoint },
      usePathStyle: true,
      // No `encrypt`: it sends x-amz-server-side-encryption, which Cloudflare R2 does not implement. R2 and S3 encrypt every object
      // without being asked. Source: developers.cloudflare.com/r2/api/s3/api (PutObject).
      // What S3-compatible stores (R2 and others) do not have either.
      skipCredentialsValidation: true,
      skipMetadataApiCheck: true,
      skipRegionValidation: true,
      skipRequestingAccountId: true,
      skipS3Checksum: true,
    });
    // Locks by conditional write; no table beside the bucket.
    bucket.addOverride("use_lockfile", true);
  }

  /** Makes values readable from outside (`cdktn output`, pipelines) and, with their names and types, to other stacks. */
  protected publish<Outputs extends Readonly<Record<string, string>>>(outputs: Outputs): Outputs {
    for (const [name, value] of Object.entries(outputs)) new TerraformOutput(this, name, { value, staticId: true });
    return outputs;
  }
}

/** A stack of the user's own beside ours: named, kept and versioned as ours are. Its resources are nobody's business but the user's. */
export class OwnStack extends McpistStack {}

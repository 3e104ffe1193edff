/**
 * A stand-in for a vendor's Terraform provider: real Terraform, real gRPC, our own small provider behind it. It proves the
 * stacks, their order and what Terraform makes of them; it proves nothing about the vendor's provider.
 */
import { join } from "node:path";
import {
  type sendUnaryData,
  type ServerUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { plan, type PlanRules } from "./plan.ts";
import { entityMessage, type ProviderSchema } from "./schema.ts";
import { fromWire, toWire, type Values } from "./values.ts";

/** One kind of resource. Every function may throw; the message becomes Terraform's error. */
export interface Resource extends PlanRules {
  readonly create: (planned: Values) => Promise<Values>;
  /** @returns null when it is gone. */
  readonly read: (state: Values) => Promise<Values | null>;
  readonly update?: (planned: Values, prior: Values) => Promise<Values>;
  readonly remove: (state: Values) => Promise<void>;
}

/** A provider's behaviour, made anew for each configuration. */
export interface Provider {
  readonly schema: ProviderSchema;
  readonly configure: (config: Values) => void;
  readonly resources: Readonly<Record<string, Resource>>;
  readonly dataSources?: Readonly<Record<string, (config: Values) => Promise<Values>>>;
}

/** A listening provider. */
export interface Listening {
  readonly address: string;
  /** `127.0.0.1:<port>` */
  readonly endpoint: string;
  close(): Promise<void>;
}

type Message = Readonly<Record<string, unknown>>;
type Handler = (request: Message) => Promise<Message> | Message;

const diagnostics = (error: unknown): Message => ({
  diagnostics: [
    { severity: 1, summary: "the vendor refused", detail: error instanceof Error ? error.message : String(error) },
  ],
});
const dynamic = (message: Message, field: string): Values | null =>
  fromWire(message[field] as Parameters<typeof fromWire>[0]);
const some = (values: Values | null): Values => values ?? {};

function handlers({ schema, configure, resources, dataSources = {} }: Provider): Readonly<Record<string, Handler>> {
  const resourceOf = (request: Message): Resource => {
    const resource = resources[String(request["type_name"])];
    if (!resource) throw new Error(`the stand-in has no ${String(request["type_name"])}`);
    return resource;
  };
  const map = (entities: ProviderSchema["resources"]) =>
    Object.fromEntries(Object.entries(entities).map(([name, entity]) => [name, entityMessage(entity)]));
  return {
    GetProviderSchema: () => ({
      provider: entityMessage(schema.provider),
      resource_schemas: map(schema.resources),
      data_source_schemas: map(schema.dataSources),
    }),
    ValidateProviderConfig: () => ({}),
    ValidateResourceConfig: () => ({}),
    ValidateDataResourceConfig: () => ({}),
    UpgradeResourceState: (request) => ({
      upgraded_state: { json: (request["raw_state"] as { readonly json: Uint8Array }).json },
    }),
    ConfigureProvider: (request) => {
      configure(some(dynamic(request, "config")));
      return {};
    },
    ReadResource: async (request) => {
      const state = dynamic(request, "current_state");
      return { new_state: toWire(state && (await resourceOf(request).read(state))) };
    },
    PlanResourceChange: (request) => {
      const proposed = dynamic(request, "proposed_new_state");
      if (proposed === null) return { planned_state: toWire(null) };
      const entity = schema.resources[String(request["type_name"])];
      const planned = plan(entity?.block ?? {}, resourceOf(request), dynamic(request, "prior_state"), proposed);
      return {
        planned_state: toWire(planned.values),
        requires_replace: planned.replace.map((name) => ({ steps: [{ attribute_name: name }] })),
      };
    },
    ApplyResourceChange: async (request) => {
      const prior = dynamic(request, "prior_state");
      const planned = dynamic(request, "planned_state");
      const resource = resourceOf(request);
      try {
        if (planned === null) {
          await resource.remove(some(prior));
          return { new_state: toWire(null) };
        }
        if (prior === null) return { new_state: toWire(await resource.create(planned)) };
        if (!resource.update) throw new Error("cannot be changed in place");
        return { new_state: toWire(await resource.update(planned, prior)) };
      } catch (error) {
        // What was there before is still there.
        return { new_state: toWire(prior), ...diagnostics(error) };
      }
    },
    ReadDataSource: async (request) => {
      const read = dataSources[String(request["type_name"])];
      if (!read) throw new Error(`the stand-in has no data source ${String(request["type_name"])}`);
      return { state: toWire(await read(some(dynamic(request, "config")))) };
    },
    StopProvider: () => ({}),
  };
}

const DIAGNOSED = new Set(["ReadResource", "ReadDataSource", "PlanResourceChange", "ConfigureProvider"]);

/** Listens on loopback until closed. */
export async function listen(provider: Provider): Promise<Listening> {
  const loaded = loadSync(join(import.meta.dirname, "provider.proto"), {
    keepCase: true,
    longs: Number,
    enums: Number,
  });
  const { service } = loaded["tfplugin6.Provider"] as unknown as { readonly service: ServiceDefinition };
  const definition = service ?? (loaded["tfplugin6.Provider"] as unknown as ServiceDefinition);
  const methods = handlers(provider);
  const implementation = Object.fromEntries(
    Object.entries(methods).map(([name, handler]) => [
      name,
      (call: ServerUnaryCall<Message, Message>, callback: sendUnaryData<Message>) => {
        void (async () => {
          try {
            callback(null, await handler(call.request));
          } catch (error) {
            if (DIAGNOSED.has(name)) callback(null, diagnostics(error));
            else callback(error as Error);
          }
        })();
      },
    ]),
  );
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(definition, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    address: provider.schema.address,
    endpoint: `127.0.0.1:${port}`,
    close: async () => {
      server.forceShutdown();
      await Promise.resolve();
    },
  };
}

/** The value of `TF_REATTACH_PROVIDERS` that makes Terraform and OpenTofu use these providers. */
export function reattach(providers: readonly Listening[]): string {
  const entry = ({ endpoint }: Listening) => ({
    Protocol: "grpc",
    ProtocolVersion: 6,
    Pid: process.pid,
    Test: true,
    Addr: { Network: "tcp", String: endpoint },
  });
  // The engines have different default registries.
  const addresses = ({ address }: Listening) => [
    address,
    address.replace("registry.terraform.io/", "registry.opentofu.org/"),
  ];
  return JSON.stringify(
    Object.fromEntries(
      providers.flatMap((listening) => addresses(listening).map((address) => [address, entry(listening)])),
    ),
  );
}

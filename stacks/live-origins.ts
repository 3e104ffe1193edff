/**
 * Origins as their platforms run them, held against those of a plan. Terraform cannot say it: Koyeb's provider never reads a service's
 * definition back, and Fly's reads no more of a Machine than its identity, so a plan is empty whatever somebody changed by hand.
 * What the platforms add by themselves is not looked at. Pure; names what differs, never a value.
 */
import { isRecord } from "../contract/json.ts";
import { isFlyStop } from "../contract/origin-drain.ts";
import { blocks, type PolicyDocument, UNKNOWN } from "./document.ts";

type Json = Readonly<Record<string, unknown>>;

/** A Koyeb service in a plan. */
export interface PlannedService {
  readonly address: string;
  readonly id: string;
  readonly definition: Json;
}

/** A Fly Machine in a plan. */
export interface PlannedMachine {
  readonly address: string;
  readonly id: string;
  readonly app: string;
  readonly values: Json;
}

const managed = ({ resources }: PolicyDocument, type: string) =>
  resources.filter((resource) => resource.mode === "managed" && resource.type === type);

/** The Koyeb services that a plan, or a state, describes. */
export const plannedServices = (document: PolicyDocument): readonly PlannedService[] =>
  managed(document, "koyeb_service").map(({ address, values }) => ({
    address,
    id: String(values["id"]),
    definition: blocks(values, "definition")[0] ?? {},
  }));

/** The Machines that a plan, or a state, describes. */
export const plannedMachines = (document: PolicyDocument): readonly PlannedMachine[] =>
  managed(document, "fly_machine").map(({ address, values }) => ({
    address,
    id: String(values["id"]),
    app: String(values["app"]),
    values,
  }));

const isPlain = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/** True when everything that the plan says is so. What it leaves open may be anything. */
function agrees(planned: unknown, live: unknown): boolean {
  if (planned === null || planned === undefined || planned === "" || planned === UNKNOWN) return true;
  if (Array.isArray(planned)) {
    const wanted: readonly unknown[] = planned;
    if (wanted.length === 0) return true;
    // A block is a list of one for Terraform, and an object for the APIs.
    if (isRecord(live)) return wanted.length === 1 && agrees(wanted[0], live);
    const there: readonly unknown[] = Array.isArray(live) ? live : [];
    return there.length === wanted.length && wanted.every((item) => there.some((other) => agrees(item, other)));
  }
  if (isRecord(planned))
    return Object.entries(planned).every(([key, value]) => agrees(value, isRecord(live) ? live[key] : undefined));
  // The APIs leave out what is false or 0, and write large numbers as texts.
  if (live === undefined || live === null) return planned === false || planned === 0;
  return isPlain(planned) && isPlain(live) && String(planned) === String(live);
}

/** What a member is called in a sentence; without a name it is called what the API calls it. */
const WORDS: Readonly<Record<string, string>> = {
  docker: "image",
  regions: "region",
  scalings: "scale",
  instance_types: "instance type",
  health_checks: "health check",
  services: "service",
  ports: "port",
  routes: "route",
};

/** @param members of what was planned, beside the variables. */
function differing(planned: Json, live: Json, members: readonly string[]): readonly string[] {
  const names = members.filter((name) => !agrees(planned[name], live[name])).map((name) => WORDS[name] ?? name);
  return names.length === 0 ? [] : [`it has another ${names.join(", ")}`];
}

/** Nothing that anybody said: platforms write it in several ways. */
const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === 0 ||
  value === "" ||
  (Array.isArray(value) ? value.every(isNothing) : isRecord(value) && Object.values(value).every(isNothing));

/**
 * Members that decide what runs, when, or who reaches it, and that no plan of ours says: whoever set one by hand changed the origin. What
 * a platform adds by itself is not among them.
 */
const unplanned = (planned: Json, live: Json, members: readonly string[]): readonly string[] =>
  members.filter((name) => isNothing(planned[name]) && !isNothing(live[name]));

/** Variables by name; each says its value, or the name of its secret. */
type Variables = ReadonlyMap<string, unknown>;

function variableDrift(planned: Variables, live: Variables): readonly string[] {
  const wrong = [...planned].flatMap(([name, value]) =>
    !live.has(name)
      ? [`variable ${name} is missing`]
      : agrees(value, live.get(name))
        ? []
        : [`variable ${name} has another value`],
  );
  return [...wrong, ...[...live.keys()].filter((name) => !planned.has(name)).map((name) => `variable ${name} is new`)];
}

/** As Koyeb has them: a list. An absent text is an empty one. */
const listed = (definition: Json): Variables =>
  new Map(
    blocks(definition, "env").map(({ key, value, secret }) => [
      String(key),
      { value: value ?? "", secret: secret ?? "" },
    ]),
  );

/** A rollout takes an instance away only after the next one is healthy; the API may leave that out, or call it unset. */
const GENTLE: ReadonlySet<unknown> = new Set([
  undefined,
  "",
  "DEPLOYMENT_STRATEGY_TYPE_INVALID",
  "DEPLOYMENT_STRATEGY_TYPE_ROLLING",
]);

/** Beside an image and a service of it. */
const KOYEB_UNPLANNED = ["config_files", "volumes", "proxy_ports"];
const KOYEB_DOCKER_UNPLANNED = ["command", "entrypoint", "args", "privileged"];

/** What the definition has that the plan leaves out. A scope may be the planned region, which Koyeb's own console writes. */
function addedTo(planned: Json, definition: Json): readonly string[] {
  const [docker, scaling] = ["docker", "scalings"].map((name) => blocks(planned, name)[0] ?? {});
  const regions: readonly unknown[] = Array.isArray(planned["regions"]) ? planned["regions"] : [];
  const known = new Set(regions.map((region) => `region:${String(region)}`));
  const scoped = ["env", "scalings", "instance_types"].filter((name) =>
    blocks(definition, name).some(
      ({ scopes }) => Array.isArray(scopes) && scopes.length > 0 && !scopes.some((scope) => known.has(String(scope))),
    ),
  );
  const names = [
    ...unplanned(planned, definition, KOYEB_UNPLANNED),
    ...unplanned(docker ?? {}, blocks(definition, "docker")[0] ?? {}, KOYEB_DOCKER_UNPLANNED),
    ...(blocks(definition, "scalings").some((live) => unplanned(scaling ?? {}, live, ["targets"]).length > 0)
      ? ["scaling targets"]
      : []),
    ...scoped.map((name) => `scope of ${WORDS[name] ?? (name === "env" ? "variables" : name)}`),
  ];
  return names.length === 0
    ? []
    : [`it has ${names.map((name) => name.replaceAll("_", " ")).join(", ")} of somebody's own`];
}

/**
 * @param service as the API describes it. @param definition of its latest deployment.
 * @returns one sentence for each thing that is not as planned.
 */
export function serviceDrift(planned: PlannedService, service: Json, definition: Json): readonly string[] {
  const { env: _, strategy, ...members } = planned.definition;
  const type = isRecord(definition["strategy"]) ? definition["strategy"]["type"] : undefined;
  const found = [
    ...(["PAUSED", "PAUSING"].includes(String(service["status"])) ? ["it is paused"] : []),
    ...differing(planned.definition, definition, Object.keys(members)),
    ...addedTo(planned.definition, definition),
    ...((strategy === undefined || strategy === null) && !GENTLE.has(type) ? ["it has another strategy"] : []),
    ...variableDrift(listed(planned.definition), listed(definition)),
  ];
  return found.map((sentence) => `${planned.address}: ${sentence}`);
}

/** In these a Machine serves, or will in a moment. Who is gone for good is told by what the plan itself has read. */
const ALIVE: ReadonlySet<unknown> = new Set(["created", "starting", "started", "replacing", "replaced", "updating"]);
const GONE: ReadonlySet<unknown> = new Set(["destroying", "destroyed"]);

const valuesOf = (env: unknown): Variables => new Map(isRecord(env) ? Object.entries(env) : []);

/** As a configuration writes it: the API answers with booleans for the two that have no third word. */
const autostopOf = (value: unknown): unknown => (value === false ? "off" : value === true ? "stop" : value);

/** What Fly calls `services`, from what its provider calls `service`. */
const servicesOf = (values: Json): readonly Json[] =>
  blocks(values, "service").map(({ port, check, concurrency, autostop, ...service }) => ({
    ...service,
    autostop: autostopOf(autostop),
    concurrency,
    ports: port,
    checks: check,
  }));

/** What the API has beside the arguments of the provider that the stacks use. */
const FLY_UNPLANNED = [
  "init",
  "files",
  "processes",
  "containers",
  "mounts",
  "schedule",
  "standbys",
  "stop_config",
  "checks",
  "statics",
  "auto_destroy",
];
const FLY_SERVICE_UNPLANNED = ["concurrency", "min_machines_running", "force_instance_key"];

function addedToMachine(planned: Json, config: Json): readonly string[] {
  const service = servicesOf(planned)[0] ?? {};
  const added = unplanned(planned, config, FLY_UNPLANNED);
  const names = [
    // A rotation gives one to a Machine that has none.
    ...(isFlyStop(config["stop_config"]) ? added.filter((name) => name !== "stop_config") : added),
    ...new Set(blocks(config, "services").flatMap((live) => unplanned(service, live, FLY_SERVICE_UNPLANNED))),
  ];
  return names.length === 0
    ? []
    : [`it has ${names.map((name) => name.replaceAll("_", " ")).join(", ")} of somebody's own`];
}

/** Fly cannot reach its host, and gives no configuration, or one that is not whole. */
const isHostAway = (live: Json): boolean =>
  live["host_status"] === "unreachable" || (!isRecord(live["config"]) && isRecord(live["incomplete_config"]));

function machineDrift({ address, values }: PlannedMachine, live: Json): readonly string[] {
  if (isHostAway(live)) return [`${address}: its host is unreachable (host_status ${String(live["host_status"])})`];
  const config = isRecord(live["config"]) ? live["config"] : {};
  const { image, metadata, guest, restart, name, region } = values;
  const wanted = { image, metadata, guest, restart, name, region, services: servicesOf(values) };
  const services = blocks(config, "services").map((each) => ({
    ...each,
    autostop: autostopOf(each["autostop"] ?? false),
  }));
  const there = { ...config, services, name: live["name"], region: live["region"] };
  const found = [
    ...(ALIVE.has(live["state"]) ? [] : [`it is ${String(live["state"])}`]),
    ...(live["cordoned"] === true ? ["it is cordoned, so it gets no requests"] : []),
    ...differing(wanted, there, Object.keys(wanted)),
    ...addedToMachine(values, config),
    ...variableDrift(valuesOf(values["env"]), valuesOf(config["env"])),
  ];
  return found.map((sentence) => `${address}: ${sentence}`);
}

/**
 * @param planned Machines of one app. @param live every Machine of the app, as the API lists them.
 * @returns one sentence for each thing that is not as planned, also for a Machine that no plan has.
 */
export function machinesDrift(planned: readonly PlannedMachine[], live: readonly Json[]): readonly string[] {
  const there = live.filter(({ state }) => !GONE.has(state));
  const known = new Set(planned.map(({ id }) => id));
  return [
    ...planned.flatMap((machine) => {
      const found = there.find(({ id }) => id === machine.id);
      return found ? machineDrift(machine, found) : [];
    }),
    ...there
      .filter(({ id }) => !known.has(String(id)))
      .map(({ id }) => `app ${planned[0]?.app ?? ""}: Machine ${String(id)} is in no plan`),
  ];
}

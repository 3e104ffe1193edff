/** What the platforms and their providers refuse although the configuration's own schema allows it. Pure. */
import type { ConfigIssue, Environment, Origin } from "../contract/config.ts";
import { isLoopbackUrl } from "../contract/loopback.ts";
import { PLATFORM_NAMES } from "../contract/platforms.ts";

/** How long a platform lets its names be, where that is shorter than the schema's: setting, name, least and most characters. */
function lengthsOf(origin: Origin): readonly (readonly [setting: string, name: string, least: number, most: number])[] {
  switch (origin.kind) {
    case "koyeb":
      return [
        ["app", origin.app, 3, 23],
        ["service", origin.service, 3, 64],
      ];
    case "fly":
      return [];
  }
}

/** Wrong fields of an environment that is about to be deployed; paths start below `environments`. */
export function platformIssues(name: string, environment: Environment): readonly ConfigIssue[] {
  const { cloudflare, origins, image } = environment;
  const issues: ConfigIssue[] = [];
  const issue = (path: string, message: string): void => {
    issues.push({ path: `environments.${name}.${path}`, message });
  };
  const { hostname, zone, url } = cloudflare;
  // Without a zone there is no TLS floor, no firewall and no limit in front of the Worker.
  if (url !== undefined && !isLoopbackUrl(url)) issue("cloudflare.url", "only for a gateway on loopback");
  if (url === undefined && hostname !== zone && !hostname.endsWith(`.${zone}`))
    issue("cloudflare.hostname", "must be a name in cloudflare.zone");
  if (!isExplicitImage(image)) issue("image", "must name a digest, or a tag other than latest");
  origins.forEach((origin, index) => {
    for (const [setting, { length }, least, most] of lengthsOf(origin))
      if (length < least || length > most)
        issue(`origins.${index}.${setting}`, `${least} to ${most} characters on ${PLATFORM_NAMES[origin.kind]}`);
  });
  // An environment has one organisation at Koyeb, so here the address says nothing (contract/neighbours.ts has the other cases).
  const services = origins.map((origin) => (origin.kind === "koyeb" ? `${origin.app}/${origin.service}` : null));
  services.forEach((service, index) => {
    if (service !== null && services.indexOf(service) < index)
      issue(`origins.${index}.service`, "another origin already lives there");
  });
  return issues;
}

/** True when an image reference says which image: by digest, or by a tag that is not `latest`. */
export function isExplicitImage(reference: string): boolean {
  if (/@sha256:[0-9a-f]{64}$/.test(reference)) return true;
  // The last colon behind the last slash: one before it belongs to a port.
  const tag = /^[^@\s]*?([^/@\s]+):([\w][\w.-]{0,127})$/.exec(reference)?.[2];
  return tag !== undefined && tag !== "latest";
}

/** What runs at the origins is what was chosen: a digest, or a tag that is not `latest`. */
import { blocks } from "../document.ts";
import { isExplicitImage } from "../platform-limits.ts";
import type { Rule } from "./rule.ts";

export const explicitImage: Rule = {
  name: "explicit-image",
  why: "an image that changes under its name runs code that nobody reviewed, at the moment an instance restarts",
  check: (document) =>
    document.resources.flatMap(({ address, type, values }) => {
      const images =
        type === "fly_machine"
          ? [values["image"]]
          : type === "koyeb_service"
            ? // A definition without one is built from a repository, or from an archive.
              blocks(values, "definition").flatMap((definition) => {
                const built = ["archive", "git"].some((source) => blocks(definition, source).length > 0);
                return built ? [null] : blocks(definition, "docker").map(({ image }) => image);
              })
            : [];
      return (type === "koyeb_service" && images.length === 0) ||
        images.some((image) => typeof image !== "string" || !isExplicitImage(image))
        ? [`${address}: its image names neither a digest nor a tag`]
        : [];
    }),
  examples: {
    accepted: { resource: { fly_machine: { machine: { image: "ghcr.io/acme/mcpist-origin:1.0.0" } } } },
    refused: { resource: { fly_machine: { machine: { image: "ghcr.io/acme/mcpist-origin:latest" } } } },
  },
};

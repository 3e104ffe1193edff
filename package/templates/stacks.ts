/** What exists at the platforms: synthesized by `npm run synth`, deployed by `npm run deploy`. */
import { deployment } from "mcpist/stacks";
import config from "./mcpist.config.ts";

await deployment(config);
// Constructs of your own beside it: node_modules/mcpist/docs/install.md, "What else you want to exist".

/** The origin as it runs in its image (bundle in argv[2]), with an ear for its parent. */
import { pathToFileURL } from "node:url";
import { answerUsage } from "./usage.ts";

answerUsage();
await import(pathToFileURL(process.argv[2] ?? "").href);

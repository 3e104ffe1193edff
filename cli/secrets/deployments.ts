/**
 * Deployments have no compare-and-set at Cloudflare: whoever writes last wins, and the one before is gone without a word. So every
 * write of this tool says in the journal what it replaces, carries a mark, and is followed by a look at what lies below it.
 */
import type { Deployment } from "../targets/types.ts";

/** A deployment that this tool wrote or was about to write. */
export interface Deploying {
  /** Id of the deployment that it was to replace; null before the first. */
  readonly replaces: string | null;
  /** Part of its message, unique. */
  readonly mark: string;
}

/** The message under which a deployment with `mark` is found again. Below Cloudflare's 100 bytes for what this tool says. */
export const markedMessage = (message: string, mark: string): string => `${message.slice(0, 84)} #${mark}`;

const isMarked = (deployment: Deployment, mark: string): boolean => deployment.message.endsWith(` #${mark}`);

/** True when the deployment is in the list: a platform's lists may lag behind its writes. */
export const isListed = (list: readonly Deployment[], { mark }: Deploying): boolean =>
  list.some((deployment) => isMarked(deployment, mark));

/**
 * The deployment of somebody else that lies between ours and the one that ours was to replace: it was answered and lost. Null
 * when there is none, when ours was never written, and when somebody deployed again since, which settles it.
 * @param list newest first.
 */
export function lostUnder(list: readonly Deployment[], deploying: Deploying | null): Deployment | null {
  if (!deploying || !list[0] || !isMarked(list[0], deploying.mark)) return null;
  // A call whose reply was lost was repeated: the same mark twice.
  const below = list.find((deployment) => !isMarked(deployment, deploying.mark));
  return below && below.id !== deploying.replaces ? below : null;
}

/**
 * Loaded with `--import` before the program under test: tells the harness, over the IPC channel, every value of 32 random bytes
 * that the program draws. That is how the harness knows a secret which it was never given. Changes nothing else.
 */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

/** A gateway secret has this length, and so has every other key that the product makes. */
const SECRET_BYTES = 32;

if (isMainThread && process.send) {
  const original = crypto.randomBytes;
  const draw = (size: number): Buffer => {
    const bytes = original(size);
    if (size === SECRET_BYTES) process.send?.({ draw: bytes.toString("hex") });
    // A failure that nobody catches, in the moment when the value is in memory.
    if (size === SECRET_BYTES && process.env["CANARY_CRASH"] === "1") {
      setTimeout(() => {
        throw new Error("planted", { cause: new Error("by the harness") });
      }, 50);
    }
    return bytes;
  };
  const replacement = (size: number, callback?: (error: Error | null, bytes: Buffer) => void): Buffer | undefined => {
    if (callback === undefined) return draw(size);
    callback(null, draw(size));
    return undefined;
  };
  crypto.randomBytes = replacement as typeof original;
  syncBuiltinESMExports();
}

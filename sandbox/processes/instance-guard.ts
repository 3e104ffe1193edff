/**
 * Watches over suspended instances. A process under SIGSTOP cannot notice that its parent is gone, so this one does: when the
 * sandbox disappears without closing, every process on its list is killed. Started with the first suspension, never before.
 */
const suspended = new Set<number>();

process.on("message", ({ pid, suspended: now }: { readonly pid: number; readonly suspended: boolean }) => {
  if (now) suspended.add(pid);
  else suspended.delete(pid);
});
process.once("disconnect", () => {
  for (const pid of suspended) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended meanwhile.
    }
  }
  process.exit(0);
});

/** The guard as a command of this program: see upstream/guard.ts. */

export async function guardChildren(): Promise<void> {
  const { runGuard } = await import("../upstream/guard-run.ts");
  await runGuard();
}

/** `authensor-gw notes-server`: the example MCP server of the demo, on stdio. */

export async function run(): Promise<number> {
  const { runNotesServer } = await import("./demo-notes.ts");
  await runNotesServer();
  return 0;
}

/**
 * The MCP server inside the binary, for `demo` and `npm start`: five tools on three notes, over
 * stdio. Real SDK server, so that the gateway talks to what it will meet outside.
 */

import { appendFileSync } from "node:fs";
import process from "node:process";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

/** Runs until stdin ends. */
export async function runNotesServer(): Promise<void> {
  const server = new Server({ name: "notes", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...tools] }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const run = runs[params.name];
    if (run === undefined) throw new Error(`no tool ${params.name}`);
    const text = await run(params.arguments ?? {});
    return { content: [{ type: "text", text }] };
  });
  await server.connect(new StdioServerTransport());
}

const notes = new Map([
  ["groceries", "milk, bread, coffee"],
  ["travel", "train at 8:14"],
  ["ideas", "write everything down"],
]);

const text = { type: "string" } as const;

function tool(name: string, description: string, properties: Record<string, object>) {
  const required = Object.keys(properties);
  return { name, description, inputSchema: { type: "object" as const, properties, required } };
}

const tools = [
  tool("read_note", "Reads a note", { title: text }),
  tool("write_note", "Writes a note", { title: text, body: text }),
  tool("delete_note", "Deletes a note for ever", { title: text }),
  tool("slow_report", "Writes a report, slowly", { seconds: { type: "number" } }),
  tool("flaky", "Ends its own process in the middle of the call", {}),
] as const;

type Arguments = Record<string, unknown>;

const runs: Record<string, (args: Arguments) => string | Promise<string>> = {
  read_note: ({ title }) => notes.get(String(title)) ?? `no note "${String(title)}"`,
  write_note({ title, body }) {
    notes.set(String(title), String(body));
    return `wrote "${String(title)}"`;
  },
  delete_note({ title }) {
    // What must never happen in the demo leaves a mark that the demo looks for.
    const mark = process.env["NOTES_DELETED"];
    if (mark !== undefined) appendFileSync(mark, `${String(title)}\n`);
    return notes.delete(String(title)) ? "deleted" : "there was none";
  },
  async slow_report({ seconds }) {
    await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
    return "the report";
  },
  flaky: () => process.exit(1),
};

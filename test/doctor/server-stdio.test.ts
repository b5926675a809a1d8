/** A program that doctor's shell does not find: what the gateway says of its own start counts. */

import { expect, test } from "bun:test";
import { checkStdioServer } from "../../src/doctor/server-stdio.ts";
import type { World } from "../../src/doctor/world.ts";
import type { ServerConfig } from "../../src/gateway/config-model.ts";

interface Case {
  readonly name: string;
  readonly command?: string;
  /** What the gateway says; undefined: none runs. */
  readonly row?: { readonly state: string; readonly cause?: string };
  /** The config's file was changed since the gateway read it. */
  readonly changed?: boolean;
  readonly finds: readonly string[];
  readonly notes: number;
}

const missing = 'it could not be started: "x" is not there on the PATH (ENOENT)';
const cases: readonly Case[] = [
  { name: "ready", row: { state: "ready" }, finds: [], notes: 1 },
  { name: "starting", row: { state: "starting" }, finds: [], notes: 1 },
  {
    name: "it ends by itself",
    row: { state: "backoff", cause: "it exited with code 3" },
    ...{ finds: ["GW_SERVER_EXITS"], notes: 1 },
  },
  {
    name: "the gateway does not find it either",
    row: { state: "backoff", cause: missing },
    ...{ finds: ["GW_SERVER_COMMAND"], notes: 0 },
  },
  { name: "no gateway runs", finds: ["GW_SERVER_COMMAND"], notes: 0 },
  {
    name: "ready, the config was changed",
    row: { state: "ready" },
    changed: true,
    finds: [],
    notes: 1,
  },
  {
    name: "ready, a whole path that is not there was written since",
    command: "/no/such/program",
    row: { state: "ready" },
    ...{ changed: true, finds: ["GW_SERVER_COMMAND"], notes: 0 },
  },
  {
    name: "ready, its program was removed since",
    command: "/no/such/program",
    ...{ row: { state: "ready" }, finds: [], notes: 1 },
  },
];

for (const { name, command = "no-such-program", row, changed, finds, notes } of cases) {
  test(name, async () => {
    const transport = { kind: "stdio" as const, command: [command], cwd: undefined, env: {} };
    const server = { id: "a", transport } as unknown as ServerConfig;
    const reload = { readMs: changed === true ? 0 : Number.MAX_SAFE_INTEGER };
    const servers = [{ id: "a", sinceMs: 0, stderr: [], ...row }];
    const said: string[] = [];
    const world = {
      config: { file: import.meta.filename },
      gateway: row === undefined ? { kind: "down" } : { kind: "up", status: { reload, servers } },
      ...{ problems: [], history: [], nowMs: 0, env: { PATH: "/nowhere" } },
      note: (text: string) => void said.push(text),
      command: (words: string) => `authensor-gw ${words}`,
    } as unknown as World;
    const found = await checkStdioServer(world, server, transport as never);
    expect(found.map(({ code }) => code as string)).toEqual([...finds]);
    expect(said).toEqual(
      notes === 0 ? [] : [expect.stringMatching(/^server a: its program .*\(ENOENT\)$/)],
    );
  });
}

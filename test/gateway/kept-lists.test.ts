/** `lists` in data_dir: what is taken back, and from whom not. */

import { afterEach, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../../src/base/limits.ts";
import { systemClock } from "../../src/base/system.ts";
import type { KeptList } from "../../src/catalog/kept.ts";
import type { ServerConfig } from "../../src/gateway/config-model.ts";
import { openKeptLists } from "../../src/gateway/kept-lists.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "gw-kept-"));
  folders.push(folder);
  return folder;
}

type Transport = ServerConfig["transport"];

const files: Transport = {
  ...{ kind: "stdio", command: ["files", "/srv"], cwd: undefined },
  env: { TOKEN: "secret-of-files" },
};

interface Given {
  readonly transport?: Transport;
  readonly protocol?: ServerConfig["protocol"];
  readonly key?: number;
  readonly id?: string;
}

function open(dataDir: string, given: Given = {}) {
  const warned: string[] = [];
  const id = given.id ?? "files";
  const protocol = given.protocol ?? "auto";
  const config = { id, transport: given.transport ?? files, protocol } as ServerConfig;
  const kept = openKeptLists({
    ...{ dataDir, key: new Uint8Array(32).fill(given.key ?? 1), clock: systemClock },
    server: (one) => (one === id ? config : undefined),
    warn: (message, fields) => warned.push(`${message} ${JSON.stringify(fields)}`),
  });
  return { ...kept, warned };
}

const text = '{"name":"a","inputSchema":{"type":"object"},"big":12345678901234567890}';

function listOf(readMs: number, texts: readonly string[] = [text]): KeptList {
  return {
    readMs,
    hello: {
      ...{ era: "legacy", protocol: "2025-11-25", name: "files", version: "1" },
      ...{ capabilities: { tools: {} }, instructions: "look" },
    },
    hints: { ttlMs: 0, cacheScope: "private" },
    items: texts.map((one) => ({ text: one, value: JSON.parse(one) })),
  };
}

async function saved(given: Given = {}): Promise<{ dataDir: string; file: string }> {
  const dataDir = newFolder();
  const kept = open(dataDir, given);
  kept.save(given.id ?? "files", "tools/list", listOf(1_000));
  await kept.close();
  return { dataDir, file: join(dataDir, "lists", `${given.id ?? "files"}.tools-list`) };
}

describe("kept lists", () => {
  test("what was saved comes back, each item byte for byte; only its owner reads the file", async () => {
    const { dataDir, file } = await saved();
    expect(open(dataDir).load("files", "tools/list")).toEqual(listOf(1_000));
    expect(open(dataDir).load("files", "prompts/list")).toBeUndefined();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, "lists")).mode & 0o777).toBe(0o700);
    expect(readFileSync(file, "utf8")).not.toContain("secret-of-files");
  });

  const strangers: readonly [string, Given][] = [
    ["another command", { transport: { ...files, command: ["files", "/etc"] } }],
    ["another credential", { transport: { ...files, env: { TOKEN: "b" } } }],
    ["another folder", { transport: { ...files, cwd: "/tmp" } }],
    ["another protocol", { protocol: "modern" }],
    ["another seal key", { key: 2 }],
  ];
  for (const [what, given] of strangers) {
    test(`a server under the same id inherits nothing: ${what}`, async () => {
      const { dataDir } = await saved();
      expect(open(dataDir, given).load("files", "tools/list")).toBeUndefined();
      expect(open(dataDir).load("files", "tools/list")).toBeDefined();
    });
  }

  test("the list of another server, moved to this one's place, is none of its own", async () => {
    const other = await saved({ id: "other" });
    const { dataDir, file } = await saved();
    writeFileSync(file, readFileSync(other.file));
    expect(open(dataDir).load("files", "tools/list")).toBeUndefined();
    const prompts = file.replace("tools-list", "prompts-list");
    const own = await saved();
    writeFileSync(prompts, readFileSync(own.file));
    expect(open(dataDir).load("files", "prompts/list")).toBeUndefined();
  });

  const damages: readonly [string, (file: string) => void][] = [
    ["torn", (file) => truncateSync(file, statSync(file).size - 10)],
    ["empty", (file) => truncateSync(file, 0)],
    ["edited", (file) => writeFileSync(file, readFileSync(file, "utf8").replace('"a', '"b'))],
    ["no signature", (file) => writeFileSync(file, readFileSync(file, "utf8").slice(65))],
    ["garbage", (file) => writeFileSync(file, Buffer.from([0xff, 0x0a, 0xfe, 0x00]))],
    [
      "a folder",
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
    [
      "a link to nowhere",
      (file) => {
        rmSync(file);
        symlinkSync("/nowhere", file);
      },
    ],
    ["huge", (file) => truncateSync(file, 3 * limits.keptListBytes + 1)],
  ];
  for (const [what, damage] of damages) {
    test(`a file that is ${what} is as none, and the next list is kept again`, async () => {
      const { dataDir, file } = await saved();
      damage(file);
      const kept = open(dataDir);
      expect(kept.load("files", "tools/list")).toBeUndefined();
      if (what === "a folder") rmSync(file, { recursive: true });
      kept.save("files", "tools/list", listOf(2_000));
      await kept.close();
      expect(open(dataDir).load("files", "tools/list")?.readMs).toBe(2_000);
    });
  }

  test("what is of servers that are no more, or is no list, is dropped at the start", async () => {
    const { dataDir, file } = await saved();
    const folder = join(dataDir, "lists");
    writeFileSync(join(folder, "gone.tools-list"), "x");
    writeFileSync(join(folder, "files.tools-list.new"), "half of it");
    open(dataDir);
    expect(readdirSync(folder)).toEqual(["files.tools-list"]);
    open(dataDir, { id: "other" });
    expect(() => statSync(file)).toThrow();
  });

  test("of many changes the last one is kept; the same again is written once a minute", async () => {
    const { dataDir, file } = await saved();
    const kept = open(dataDir);
    for (let n = 0; n < 1_000; n += 1) kept.save("files", "tools/list", listOf(2_000 + n));
    await kept.close();
    expect(open(dataDir).load("files", "tools/list")?.readMs).toBe(2_999);
    const list = listOf(3_000);
    kept.save("files", "tools/list", list);
    await kept.close();
    const before = readFileSync(file, "utf8");
    kept.save("files", "tools/list", { ...list, readMs: 3_000 + limits.keptListMs - 1 });
    await kept.close();
    expect(readFileSync(file, "utf8")).toBe(before);
    kept.save("files", "tools/list", { ...list, readMs: 3_000 + limits.keptListMs });
    await kept.close();
    expect(readFileSync(file, "utf8")).not.toBe(before);
  });

  test("one that is too large is not kept, nor what was before it; told once", async () => {
    const { dataDir } = await saved();
    const kept = open(dataDir);
    const huge = listOf(2_000, [JSON.stringify({ name: "x".repeat(limits.keptListBytes) })]);
    kept.save("files", "tools/list", huge);
    kept.save("files", "tools/list", { ...huge, items: [...huge.items] });
    await kept.close();
    expect(kept.load("files", "tools/list")).toBeUndefined();
    expect(kept.warned).toHaveLength(1);
  });

  test("a folder that cannot be used is told, and stops nothing", async () => {
    const dataDir = newFolder();
    writeFileSync(join(dataDir, "lists"), "in the way");
    const kept = open(dataDir);
    kept.save("files", "tools/list", listOf(1_000));
    await kept.close();
    expect(kept.load("files", "tools/list")).toBeUndefined();
    expect(kept.warned).toHaveLength(2);
  });
});

import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isStdioEntry, stdioFault } from "../../src/doctor/client-stdio.ts";
import type { World } from "../../src/doctor/world.ts";

const folder = mkdtempSync(join(tmpdir(), "gw-client-"));
writeFileSync(join(folder, "gw.yaml"), "");
const empty = { env: { HOME: folder, PATH: "/usr/bin:/bin" } } as unknown as World;

const around = { folder, policies: ["deny-all", "read-only"] };

const entry = (args: readonly string[], env: Record<string, string> = {}) => ({
  ...{ name: "gw", url: undefined, headers: {}, type: undefined, env },
  command: ["/usr/local/bin/authensor-gw", "stdio", ...args],
});

const cases: readonly (readonly [
  name: string,
  args: readonly string[],
  saw: RegExp | undefined,
])[] = [
  ["no key anywhere", [], /names no key/],
  ["a config that is not there", ["--config", "nope.yaml"], /"nope.yaml", which is not there/],
  ["a key file that is not there", ["--key-file=nope.key"], /"nope.key", which is not there/],
  ["a config that is there, no key", ["--config", "gw.yaml"], /names no key/],
  ["a command of its own", ["--policy", "read-only", "--", "sh"], undefined],
  ["a policy that is a file", ["--policy", "gw.yaml", "--", "sh"], undefined],
  ["a policy that is nowhere", ["--policy", "readonly", "--", "sh"], /--policy names "readonly"/],
  ["no policy", ["--", "sh", "--policy", "read-only"], /names no --policy/],
  ["a command that is nowhere", ["--policy", "read-only", "--", "no-such-program"], /no-such/],
];

describe("doctor client: entries that start authensor-gw stdio", () => {
  for (const [name, args, saw] of cases) {
    test(name, () => {
      const found = stdioFault(entry(args), empty, around);
      if (saw === undefined) expect(found).toBeUndefined();
      else expect(found?.saw).toMatch(saw);
    });
  }

  test("a key in its environment, or the one that init made, is enough", () => {
    const named = entry([], { AUTHENSOR_GW_KEY: "agw_x" });
    expect(stdioFault(named, empty, around)).toBeUndefined();
    const home = mkdtempSync(join(tmpdir(), "gw-home-"));
    mkdirSync(join(home, ".config/authensor-gw"), { recursive: true });
    writeFileSync(join(home, ".config/authensor-gw/local.key"), "agw_x\n");
    const world = { env: { HOME: home } } as unknown as World;
    expect(stdioFault(entry([]), world, around)).toBeUndefined();
  });

  test("what starts another program is none", () => {
    expect(isStdioEntry(entry([]))).toBe(true);
    expect(isStdioEntry({ ...entry([]), command: ["npx", "authensor-gw", "stdio"] })).toBe(true);
    expect(isStdioEntry({ ...entry([]), command: ["npx", "mcp-remote", "stdio"] })).toBe(false);
  });
});

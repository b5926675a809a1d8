import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkStart } from "../../src/gateway/config-check.ts";
import { readConfig } from "../../src/gateway/config-read.ts";

async function checked(config: string, files: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "check-"));
  writeFileSync(join(folder, "authensor-gw.yaml"), config);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const read = readConfig({ env: { HOME: folder }, cwd: folder });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const found = await checkStart(read.value);
  const made = existsSync(join(folder, "data"));
  rmSync(folder, { recursive: true });
  return { codes: found.problems.map((problem) => problem.code), made, policy: found.policy };
}

describe("checkStart", () => {
  test("a config that starts has no problem, and nothing was made", async () => {
    const { codes, made, policy } = await checked("data_dir: data\npolicy: p.yaml", {
      "p.yaml": 'id: a\nallow: ["*/*"]\n',
    });
    expect([codes, made, policy?.rules.length]).toEqual([[], false, 1]);
  });

  test("O3 policy and data_dir are both told", async () => {
    const bad = await checked("data_dir: file/data\npolicy: p.yaml", {
      "p.yaml": "x: 1",
      file: "",
    });
    expect(bad.codes).toEqual(["GW_POLICY", "GW_DATA_DIR"]);
  });

  test("a file where data_dir should be", async () => {
    expect((await checked("data_dir: file", { file: "" })).codes).toEqual(["GW_DATA_DIR"]);
  });

  test("a policy file that is not there", async () => {
    expect((await checked("policy: none.yaml")).codes).toEqual(["GW_POLICY"]);
  });
});

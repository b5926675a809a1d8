/**
 * What the screens of the demo say is true of this gateway: every code, setting, command, rule and
 * sentence is looked up where it comes from. The goldens are these screens.
 */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LiveBatch, LiveServer, LiveSnapshot } from "../../src/admin/contract.ts";
import { catalogue } from "../../src/base/error-codes.ts";
import { limits } from "../../src/base/limits.ts";
import { commands } from "../../src/cli/commands.ts";
import { type TroubleFacts, troubleOf } from "../../src/gateway/live-trouble.ts";
import type { Facts } from "../../src/policy/model.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { createScript, scriptLength } from "../../tui/demo-script.ts";
import { demoFolder, demoKeys, demoTools } from "../../tui/demo-tools.ts";
import { contexts, keymap } from "../../tui/keys.ts";
import { plainText } from "../../tui/paint.ts";
import { documents } from "../kit/docs.ts";
import { draw, shots, sizes } from "../kit/tui-screens.ts";

const root = join(import.meta.dirname, "../..");

/** A screen's sentences: what goes on in the next line of its field is one text again. */
function sentences(lines: readonly string[]): readonly string[] {
  const panes = lines.some((line) => line.includes("│"))
    ? [lines.map((line) => line.split("│")[0] ?? ""), lines.map((line) => line.split("│")[1] ?? "")]
    : [lines];
  return panes.flatMap((pane) => {
    const whole: string[] = [];
    for (const line of pane) {
      if (line.startsWith(" ".repeat(11)) && whole.length > 0) {
        whole.push(`${(whole.pop() ?? "").trimEnd()} ${line.trim()}`);
      } else whole.push(line.trimEnd());
    }
    return whole;
  });
}

const said = new Map(
  shots.flatMap((shot) =>
    sizes.map((size) => [
      `${shot.name} at ${size.columns}x${size.rows}`,
      sentences(draw(shot, size).map(plainText)),
    ]),
  ),
);

/** Every match of a shape on every screen, with the names of the screens that say it. */
function found(shape: RegExp): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const [name, texts] of said) {
    for (const text of texts) {
      // What is cut is not all that is there.
      for (const match of text.matchAll(shape)) {
        const cut = text[match.index + match[0].length] === "…";
        if (!cut) all.set(match[1] ?? match[0], name);
      }
    }
  }
  return all;
}

describe("what the screens print exists", () => {
  test("error codes", () => {
    const codes = found(/\bGW_[A-Z_]+/g);
    expect(codes.size).toBeGreaterThan(3);
    expect([...codes].filter(([code]) => !(code in catalogue))).toEqual([]);
  });

  test("settings", () => {
    const settings = found(
      /\b((?:servers|database|audit|limits|log|auth|admin)\.(?!sock)[a-z_.-]*[a-z_])/g,
    );
    expect(settings.size).toBeGreaterThan(5);
    expect([...settings].filter(([name]) => !isSetting(name))).toEqual([]);
  });

  test("a setting that is not in the schema is found", () => {
    expect(isSetting("servers.jira.header")).toBe(false);
    expect(isSetting("audit.spool.limit")).toBe(false);
    expect(isSetting("servers.jira.timeout.idle")).toBe(true);
  });

  test("commands and their options", () => {
    const lines = found(/(authensor-gw [a-z][^;]*)/g);
    expect(lines.size).toBeGreaterThan(5);
    expect([...lines].filter(([line]) => !isCommand(line))).toEqual([]);
  });

  test("a command or an option that is not in the table is found", () => {
    expect(isCommand("authensor-gw servers mend jira")).toBe(false);
    expect(isCommand("authensor-gw policy explain --tol files/read")).toBe(false);
  });

  test("keys that a text names", () => {
    for (const [screen, key] of keysInTexts) {
      const row = keymap.filter((one) => one.keys.includes(key));
      expect(row.some((one) => one.in.some((at) => contexts(screen, false).includes(at)))).toBe(
        true,
      );
    }
  });

  test("rules, with the line they stand in", () => {
    const policy = demoPolicy();
    const known = new Set(policy.rules.map(({ id, line }) => `${id} :${line}`));
    const ids = policy.rules.map(({ id }) => id).join("|");
    const inLists = found(new RegExp(`\\b(?:${ids}) :\\d+`, "g"));
    expect(inLists.size).toBeGreaterThan(4);
    expect([...inLists].filter(([text]) => !known.has(text))).toEqual([]);
    const inDetails = found(new RegExp(`\\b((?:${ids}) +policies/prod.yaml:\\d+)`, "g"));
    const short = (text: string) => text.replace(/ +policies\/prod\.yaml:/, " :");
    expect([...inDetails].filter(([text]) => !known.has(short(text)))).toEqual([]);
  });
});

/** Keys named by texts of these screens: `r retry`, `c shows all`, `v next`, `i shows all`. */
const keysInTexts = [
  ...([
    ["servers", "r"],
    ["servers", "c"],
    ["tools", "v"],
    ["tools", "i"],
  ] as const),
  ...([
    ["tools", "2"],
    ["servers", "3"],
    ["servers", "return"],
  ] as const),
];

describe("the demo says what a gateway says", () => {
  test("its tools are what its policy makes of them", () => {
    const policy = demoPolicy();
    for (const { name } of demoKeys(0)) {
      for (const tool of demoTools(name).filter(({ held_back }) => held_back === null)) {
        const subject = { keyId: "k", keyName: name, roles: ["executor"], claims: {} };
        const target = { kind: "tool", name: tool.tool, declared: new Set(tool.declared) } as const;
        const prepared = policy.candidates(subject, target);
        const { decision, rules } = prepared.explain(anyCall);
        const one = decision.rule === undefined ? [] : [decision.rule];
        const by = prepared.visibility === "depends" ? rules.map(({ rule }) => rule) : one;
        expect([name, tool.tool, tool.visible]).toEqual([name, tool.tool, prepared.visibility]);
        const named = (rule: string, at: string) => `${rule} ${at}`;
        expect(tool.by.map(({ rule, at }) => named(rule, at)).sort()).toEqual(
          by.map(({ id, file, line }) => named(id, `${file}:${line}`)).sort(),
        );
      }
    }
  });

  test("what is wrong with its servers, and what to do", () => {
    for (const server of everyServer().filter(({ trouble }) => trouble !== null)) {
      const { trouble } = server;
      expect(troubleOf(factsOf(server))).toEqual(trouble);
    }
  });

  test("decisions of its calls have a rule of its policy, or none", () => {
    const places = demoPolicy().rules.map(({ id, line }) => `${id} policies/prod.yaml:${line}`);
    for (const call of everyCall()) {
      const { decision } = call;
      if (decision === null || decision.rule === null) continue;
      expect(places).toContain(`${decision.rule} ${decision.at}`);
    }
  });

  test("its policy's fault is the reader's", () => {
    const text = policyText().replace('hint: "only', 'hnt: "only');
    const read = readPolicy([{ name: `${demoFolder}/policies/prod.yaml`, text }]);
    const faults = played().flatMap(({ gateway }) => gateway?.reload.fault ?? []);
    const [problem] = read.ok ? [] : read.error;
    expect(faults[0]).toContain(`${problem?.file}:${problem?.line}:${problem?.column}`);
    expect(faults[0]).toContain(`${problem?.message} (${problem?.fix})`);
  });

  test("what happens at its limits, and what the gateway does now", () => {
    const source = sourceOf("src/gateway/gauges.ts");
    const texts = [snapshot(), ...played()].flatMap(({ gauges }) => [
      ...(gauges?.gauges.map((gauge) => gauge.at_limit) ?? []),
      ...(gauges === undefined ? [] : [gauges.spool.behaviour]),
    ]);
    expect(new Set(texts).size).toBeGreaterThan(11);
    for (const text of new Set(texts)) {
      // Numbers and paths are filled in.
      const parts = text.split(/\d+|\/[\w/-]+/).map((part) => part.trim());
      for (const part of parts.filter((one) => one.length > 6)) expect(source).toContain(part);
    }
    const sessions = String(limits.sessionsPerKey);
    expect(texts.some((text) => text.includes(`a key with ${sessions} `))).toBe(true);
  });

  test("its calls end in every way that receipts know and this version has", () => {
    const outcomes = new Set(everyCall().map(({ outcome }) => outcome));
    const wanted = [
      "ok",
      "tool_error",
      "denied",
      "limited",
      "cancelled",
      "timeout",
      "upstream_down",
    ];
    expect(wanted.filter((word) => !outcomes.has(word))).toEqual([]);
  });

  test("its calls' errors are the gateway's words", () => {
    const source = `${sourceOf("src/call/time-limit.ts")}${sourceOf("src/upstream/attempts.ts")}${sourceOf("src/upstream/load.ts")}`;
    const whys = new Set(everyCall().flatMap(({ why }) => why ?? []));
    expect(whys.size).toBeGreaterThan(3);
    for (const why of whys) {
      const parts = why.split(/"[^"]*"|\d+/).map((part) => part.trim());
      for (const part of parts.filter((one) => one.length > 3)) expect(source).toContain(part);
    }
  });
});

const anyCall: Facts = { args: {}, client: {}, request: {}, nowMs: 0 };

function policyText(): string {
  return readFileSync(join(import.meta.dirname, "../cases/tui/prod.yaml"), "utf8");
}

function demoPolicy() {
  const read = readPolicy([{ name: `${demoFolder}/policies/prod.yaml`, text: policyText() }]);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

/** String literals that go on in the next line are one text. */
function sourceOf(path: string): string {
  return readFileSync(join(root, path), "utf8").replaceAll(/["`] \+\s+["`]/g, "");
}

function snapshot(): LiveSnapshot {
  return createScript().snapshot();
}

let batches: readonly LiveBatch[] | undefined;

/** The whole half hour, a second a batch. */
function played(): readonly LiveBatch[] {
  if (batches === undefined) {
    const script = createScript();
    const made: LiveBatch[] = [];
    for (let at = 1_000; at <= scriptLength; at += 1_000) made.push(script.advance(at));
    batches = made;
  }
  return batches;
}

function everyCall() {
  return [...snapshot().calls, ...played().flatMap(({ calls }) => calls ?? [])];
}

function everyServer(): readonly LiveServer[] {
  return [...snapshot().servers, ...played().flatMap(({ servers }) => servers ?? [])];
}

function factsOf(server: LiveServer): TroubleFacts {
  const { trouble } = server;
  return {
    server: {
      id: server.id,
      enabled: true,
      required: false,
      transport: { kind: server.transport },
    },
    status: { state: server.state, cause: trouble?.cause },
    ...{ listFault: undefined, tools: server.tools, quarantined: server.quarantined },
    others: server.items.prompts + server.items.resources + server.items.templates,
    configChanged: () => false,
    keys: () =>
      demoKeys(0).filter((key) => key.state === "live" && sees(key.name, server.id)).length,
  } as unknown as TroubleFacts;
}

/** Executors only: others call nothing. */
function sees(key: string, server: string): boolean {
  if (key === "ops") return false;
  return demoTools(key).some(
    ({ tool, visible }) => tool.startsWith(`${server}/`) && visible !== null && visible !== "deny",
  );
}

/** Rows of docs/config.md are made from the schema; names of servers and tools are the user's. */
function isSetting(name: string): boolean {
  const general = name
    .replace(/^servers\.[a-z0-9-]+/, "servers.NAME")
    .replace(/\.tools\.[A-Za-z0-9_-]+/, ".tools.NAME");
  const config = documents.find(({ path }) => path === "docs/config.md")?.text() ?? "";
  return [general, `${general}.NAME`].some((one) => config.includes(`| \`${one}\` |`));
}

/** The longest name of a command at the beginning, and options that it has. */
function isCommand(line: string): boolean {
  const words = line.split(/\s+/).slice(1);
  // Its version, in the first row of a wide screen.
  if (/^\d/.test(words[0] ?? "")) return true;
  const command =
    commands.find(({ name }) => name === words.slice(0, 2).join(" ")) ??
    commands.find(({ name }) => name === words[0]);
  if (command === undefined) return false;
  const options = words.filter((word) => word.startsWith("--")).map((word) => word.slice(2));
  return options.every((name) => command.options.some((option) => option.name === name));
}

/** The built program in a pseudo-terminal: what a person sees of it, and what it leaves behind. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { binaryPath } from "../kit/binary.ts";
import { startChild } from "../kit/child.ts";
import { fakeLive } from "../kit/fake-live.ts";
import { openTerminal, type TerminalOptions, type TestTerminal } from "../kit/terminal.ts";

let binary = "";
let home = "";
beforeAll(async () => {
  binary = await binaryPath();
  home = mkdtempSync(join(tmpdir(), "tui-"));
}, 120_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

function open(args: readonly string[], options: TerminalOptions = {}): TestTerminal {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, ...options.env };
  return openTerminal([binary, "tui", ...args], { cwd: home, ...options, env });
}

/** What a shell expects to find. */
const given = { screen: "primary", cursor: "shown", paste: false, raw: false } as const;

describe("in a terminal", () => {
  test("starts, goes through screens and sizes, and leaves", async () => {
    await using terminal = open(["--demo"]);
    await terminal.sees("In flight");
    // The first picture stands before the last of the modes is set.
    const isSet = ({ cursor, paste }: ReturnType<typeof terminal.modes>) =>
      cursor === "hidden" && paste;
    for (let tries = 0; !isSet(terminal.modes()) && tries < 100; tries++) await Bun.sleep(10);
    expect(terminal.modes()).toEqual({
      screen: "alternate",
      cursor: "hidden",
      paste: true,
      raw: true,
    });
    for (const [keys, shown] of [
      ["2", "Servers"],
      ["3", "[3 Tools"],
      ["6", "[6 Health]"],
      ["1\t\r", "[Summary]"],
      ["\u001b", "In flight"],
      ["?", "Help: Calls"],
      ["\u001b", "soonest deadline first"],
      [":", " : "],
      ["paus\t", " : pause"],
      ["\r", "PAUSED"],
      ["8", "Policy is not in this version"],
    ] as const) {
      terminal.type(keys);
      await terminal.sees(shown);
    }
    for (const [columns, rows, shown] of [
      [160, 48, "Where the time went"],
      [42, 10, "needs 60x15, has 42x10"],
      [60, 15, "In flight"],
      [240, 60, "Where the time went"],
    ] as const) {
      terminal.resize(columns, rows);
      await terminal.sees(shown);
      expect(terminal.rows().length).toBe(rows);
    }
    terminal.type("q");
    expect([await terminal.ended, terminal.modes()]).toEqual([0, given]);
  }, 20_000);

  test("T9 ctrl-c leaves it also in a paste that never ends", async () => {
    await using terminal = open(["--demo"]);
    await terminal.sees("In flight");
    terminal.type("\u001b[200~pasted and lost");
    await Bun.sleep(200);
    terminal.type("\u0003");
    await terminal.sees(/ctrl-c/i);
    terminal.type("\u0003");
    expect([await terminal.ended, terminal.modes()]).toEqual([0, given]);
  }, 20_000);

  test("T9 20,000 keys of a paste that says nothing of itself do not hold it up", async () => {
    await using terminal = open(["--demo"]);
    await terminal.sees("In flight");
    const began = performance.now();
    terminal.type(`${"j".repeat(20_000)}q`);
    expect(await terminal.ended).toBe(0);
    expect(performance.now() - began).toBeLessThan(2_500);
  }, 30_000);

  const leaving: readonly (readonly [string, (terminal: TestTerminal) => void, number])[] = [
    ["q", (terminal) => terminal.type("q"), 0],
    ["ctrl-c twice", (terminal) => terminal.type("\u0003\u0003"), 0],
    [":q", (terminal) => terminal.type(":q\r"), 0],
    ["SIGTERM", (terminal) => terminal.signal("SIGTERM"), 143],
    ["SIGINT", (terminal) => terminal.signal("SIGINT"), 130],
    ["SIGHUP", (terminal) => terminal.signal("SIGHUP"), 129],
  ];
  for (const [name, leave, code] of leaving) {
    test(`T8 ${name} gives the terminal back, exit ${code}`, async () => {
      await using terminal = open(["--demo"]);
      await terminal.sees("In flight");
      leave(terminal);
      expect([await terminal.ended, terminal.modes()]).toEqual([code, given]);
    });
  }

  test("an error of ours: the terminal is given back, one line says so, exit 70", async () => {
    await using live = await fakeLive((real) => ({ ...real, gauges: { spool: {} } }));
    await using terminal = open(["--attach", live.socket]);
    expect([await terminal.ended, terminal.modes()]).toEqual([70, given]);
    const told = terminal.raw().split("\u001b[?1049l").at(-1) ?? "";
    expect(told).toContain("authensor-gw: the terminal interface failed");
    expect(told.split("\n").length).toBeLessThan(4);
  });

  test("ctrl-z suspends, fg comes back", async () => {
    // The kernel stops nobody whose parent has no job control: a shell is needed.
    const shell = ["bash", "--norc", "--noprofile", "-i"];
    const env = { PATH: process.env["PATH"] ?? "", HOME: home, PS1: "ready> " };
    await using terminal = openTerminal(shell, { cwd: home, env });
    await terminal.sees("ready>");
    terminal.type(`${binary} tui --demo\r`);
    await terminal.sees("● live");
    terminal.type("\u001a");
    await terminal.sees("Stopped");
    expect(terminal.modes()).toMatchObject({ screen: "primary", cursor: "shown" });
    terminal.type("fg\r");
    await terminal.sees("● live");
    terminal.type("q");
    await terminal.sees(/ready>\s*$/);
    expect(terminal.modes()).toMatchObject({ screen: "primary", cursor: "shown" });
    terminal.type("exit\r");
    await terminal.ended;
  });

  test("y c copies curl by OSC 52, without a token", async () => {
    await using live = await fakeLive();
    const env = { AUTHENSOR_GW_KEY: "agw_secretsecret" };
    await using terminal = open(["--attach", live.socket], { env });
    await terminal.sees("● live");
    terminal.type("y");
    await terminal.sees("curl to this gateway");
    terminal.type("c");
    await terminal.sees("copied: curl");
    const [, text = ""] = /\]52;c;([A-Za-z0-9+/=]+)/.exec(terminal.raw()) ?? [];
    const copied = Buffer.from(text, "base64").toString("utf8");
    expect(copied).toStartWith("curl -sS http");
    expect(copied).toContain("$AUTHENSOR_GW_KEY");
    expect(terminal.raw() + copied).not.toContain("agw_secretsecret");
  });
});

describe("other terminals", () => {
  test("NO_COLOR and --color never: no colour, the words stay; CI changes nothing", async () => {
    for (const [args, env] of [
      [["--demo"], { NO_COLOR: "1" }],
      [["--demo", "--color", "never"], { CI: "true", FORCE_COLOR: "3" }],
    ] as const) {
      await using terminal = open(args, { env });
      await terminal.sees("In flight");
      const codes = terminal
        .raw()
        .split("\u001b[")
        .map((part) => /^(\d+)m/.exec(part)?.[1] ?? "");
      expect(codes.filter((code) => /^[3-4]\d$|^9\d$/.test(code))).toEqual([]);
      expect(codes).toContain("1");
    }
    await using coloured = open(["--demo"], { env: { CI: "1" } });
    await coloured.sees("● live");
    expect(coloured.raw()).toContain("\u001b[32m");
  });

  test("only the 16 named colours, no background", async () => {
    await using terminal = open(["--demo"], { columns: 160, rows: 48 });
    for (const [keys, shown] of [
      ["", "In flight"],
      ["2", "Servers 8"],
      ["6", "[6 Health]"],
    ] as const) {
      terminal.type(keys);
      await terminal.sees(shown);
    }
    const codes = terminal
      .raw()
      .split("\u001b[")
      .flatMap((part) => /^([\d;]+)m/.exec(part)?.[1] ?? []);
    const allowed = new Set(["0", "1", "2", "7", "22", "27", "31", "32", "33", "36", "39"]);
    expect([...new Set(codes)].filter((code) => !allowed.has(code))).toEqual([]);
  });

  test("without a UTF-8 locale, and with --ascii: only ASCII", async () => {
    for (const [args, env] of [
      [["--demo"], { LANG: "C" }],
      [["--demo", "--ascii"], {}],
    ] as const) {
      await using terminal = open(args, { env, columns: 120, rows: 30 });
      await terminal.sees("* live");
      expect([...terminal.raw()].filter((one) => one > "\u007f")).toEqual([]);
      expect(terminal.text()).toContain("* live");
    }
  });

  test("TERM=dumb, or no terminal: one sentence, exit 2, no control codes", async () => {
    await using dumb = open(["--demo"], { env: { TERM: "dumb" } });
    expect(await dumb.ended).toBe(2);
    expect(dumb.raw()).toContain("TERM is dumb");
    expect(dumb.raw()).not.toContain("\u001b");
    const piped = startChild([binary, "--tui"], { cwd: home, env: { HOME: home } });
    expect(await piped.ended).toBe(2);
    expect(piped.stderr()).toContain("receipts tail");
  });

  test("a reader at 1 kB/s: pictures come less often, keys are taken, leaving works", async () => {
    await using live = await fakeLive();
    const reading = (chunk: Uint8Array) => Bun.sleepSync(chunk.length);
    await using terminal = open(["--attach", live.socket], { reading });
    await terminal.sees("Recent");
    const began = performance.now();
    for (let at = 0; performance.now() - began < 5_000; at++) {
      live.send({ calls: [live.call(`s-${at}`)] });
      await Bun.sleep(20);
    }
    live.send({ calls: [live.call("last", { tool: "files/the_last_one" })] });
    await terminal.sees("files/the_last_one", 12_000);
    terminal.type("q");
    expect(await terminal.ended).toBe(0);
    // What it wrote at its end is still on the way.
    await terminal.seesNot("In flight");
    expect(terminal.modes()).toEqual(given);
  }, 30_000);
});

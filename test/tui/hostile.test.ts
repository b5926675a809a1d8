/** T1: whatever servers and clients say, a terminal gets text and our own control sequences. */

import { describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import stringWidth from "string-width";
import { type LiveSnapshot, paths } from "../../src/admin/contract.ts";
import { mount, type Streams } from "../../tui/app.tsx";
import { createScript } from "../../tui/demo-script.ts";
import { demoKeys, demoTools } from "../../tui/demo-tools.ts";
import type { Source } from "../../tui/live.ts";
import { paint, plainText } from "../../tui/paint.ts";
import { reduce } from "../../tui/reduce.ts";
import type { Size } from "../../tui/screen.ts";
import { type Env, startUi, withToast } from "../../tui/ui.ts";
import { frame } from "../../tui/view/frame.ts";
import { hostileTexts } from "../cases/tui/hostile.ts";
import { envOf, press, storeOf } from "../kit/tui-demo.ts";

const sizes: readonly Size[] = [
  { columns: 80, rows: 24 },
  { columns: 160, rows: 48 },
];

/** Screens, details, tabs, menus: all that shows a field. */
const ways: readonly (readonly string[])[] = [
  ...[[], ["tab", "z"], ["return"], ["return", "tab"], ["return", "tab", "tab"], ["y"], ["x"]],
  ...[["2"], ["2", "return"], ["2", "y"], ["2", "r"], ["2", "G", "return"]],
  ...[["3"], ["3", "return"], ["3", "y"], ["3", "G", "return"], ["6"], ["6", "return"], ["?"]],
  ...[["l"], ["2", "l"], ["3", "l"], ["6", "l"]],
];

/** Words of the contract that are one of a few: a gateway makes them, nobody from outside. */
const ours = new Set([
  ...["stage", "state", "effect", "outcome", "transport", "kind", "unit", "which", "era", "in"],
  ...["out", "visible", "visibility", "logLevel", "created_at", "expires_at", "revoked_at"],
]);

/** Every text in it becomes the payload; what must differ gets a number. */
function poisoned<T>(value: T, payload: string, count = { texts: 0 }, name = ""): T {
  if (typeof value === "string") {
    if (ours.has(name)) return value;
    count.texts += 1;
    const unique = name === "id" || name === "tool" || name === "name" ? ` ${count.texts}` : "";
    return (payload + unique) as T;
  }
  if (Array.isArray(value)) {
    return value.map((one) => poisoned(one, payload, count, name)) as T;
  }
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, one]) => [
    key,
    poisoned(one, payload, count, key),
  ]);
  return Object.fromEntries(entries) as T;
}

/** Every number becomes this one. */
function numbered<T>(value: T, number: number): T {
  if (typeof value === "number") return number as T;
  if (Array.isArray(value)) return value.map((one) => numbered(one, number)) as T;
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, one]) => [key, numbered(one, number)]);
  return Object.fromEntries(entries) as T;
}

const script = createScript();
const whole = script.snapshot();
/** With something to say in every field: the last calls, the broken spool, the policy's fault. */
const small: LiveSnapshot = {
  ...whole,
  calls: [
    ...whole.calls.filter(({ stage }) => stage !== "over"),
    ...whole.calls
      .filter(({ why, decision }) => why !== null || decision?.code !== null)
      .slice(-30),
  ],
  gateway: { ...whole.gateway, reload: { readMs: 1, fault: "fault", restart: ["listen"] } },
  gauges: {
    ...whole.gauges,
    store: { ...whole.gauges.store, ok: false, error: "error" },
    spool: { ...whole.gauges.spool, broken: "broken" },
  },
};

function poisonedEnv(payload: string): Env {
  const store = storeOf(poisoned(small, payload));
  store.answer({
    toolsFor: payload,
    tools: { state: "here", value: poisoned(demoTools("claude-code"), payload) },
    keys: { state: "here", value: poisoned(demoKeys(whole.now), payload) },
    receipt: { id: `${payload} 1`, state: "failed", why: payload },
  });
  return envOf(store, { url: payload });
}

test("there are at least 120 payloads, all different", () => {
  expect(new Set(hostileTexts.map(([, text]) => text)).size).toBeGreaterThanOrEqual(120);
});

test("every text of the contract is poisoned", () => {
  const left: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value === "string" && !value.startsWith("!") && !ours.has(last(path)))
      left.push(path);
    if (typeof value !== "object" || value === null) return;
    for (const [key, one] of Object.entries(value)) {
      walk(one, Array.isArray(value) ? path : `${path}.${key}`);
    }
  };
  walk(poisoned(small, "!"), "");
  expect(left).toEqual([]);
});

describe("T1 in every field, on every screen", () => {
  for (const [name, payload] of hostileTexts) {
    test(name, () => {
      const env = poisonedEnv(payload);
      for (const size of sizes) {
        // The wide ones show list and detail at once.
        for (const keys of ways.filter((way) => size.columns < 100 || way.length < 2)) {
          const ui = press(size, keys, env);
          expectTame(frame(withToast(ui, payload, "bad", env), env), size);
        }
      }
    });
  }
});

describe("numbers that are none", () => {
  for (const number of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 0.1, 1e21, -1e300]) {
    test(String(number), () => {
      const store = storeOf({ ...numbered(small, number), now: whole.now });
      store.answer({ toolsFor: "", tools: { state: "here", value: demoTools("") } });
      const env = { ...envOf(store), now: whole.now };
      for (const size of sizes) {
        for (const keys of ways) expectTame(frame(press(size, keys, env), env), size);
      }
    });
  }
});

describe("T1 what is typed or pasted", () => {
  for (const [name, payload] of hostileTexts) {
    test(name, () => {
      const size = { columns: 80, rows: 24 };
      const env = envOf(storeOf(small));
      for (const key of ["/", ":"]) {
        const open = reduce(startUi(size), { kind: "key", key, alone: true }, env).ui;
        const ui = reduce(open, { kind: "paste", text: payload }, env).ui;
        expectTame(frame(ui, env), size);
        const entered = reduce(ui, { kind: "key", key: "return", alone: true }, env).ui;
        expectTame(frame(entered, env), size);
      }
    });
  }
});

test("T1 through Ink: the terminal gets no sequence but ours, for all payloads", async () => {
  for (let from = 0; from < hostileTexts.length; from += 24) {
    const payloads = hostileTexts.slice(from, from + 24).map(([, text]) => text);
    const bytes = await shownByInk(payloads);
    expect(bytes.length).toBeGreaterThan(10_000);
    expect(strangeSequences(bytes)).toEqual([]);
  }
});

test("T1 a sequence that is not ours is found in what a terminal gets", () => {
  expect(strangeSequences("\u001b[?2026h\u001b[31mok\u001b[39m\u001b[2K")).toEqual([]);
  const foreign = [
    "\u001b]8;;x\u0007",
    "\u001b[8m",
    "\u009b2J",
    "a\u202eb",
    "\u001b[?1000h",
    "\u0007",
  ];
  for (const text of foreign) expect(strangeSequences(text)).not.toEqual([]);
});

function last(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** As wide and high as it should be, and nothing that a terminal acts on. */
function expectTame(lines: ReturnType<typeof frame>, { columns, rows }: Size): void {
  expect(lines).toHaveLength(rows);
  for (const line of lines) {
    const text = plainText(line);
    const width = stringWidth(text);
    // toBe for each cell of each screen would take most of the time of this file.
    if (width !== columns) expect(`${width} columns: ${text}`).toBe(`${columns} columns`);
    const ascii = paint(line, { colour: true, ascii: true });
    const strange = [...strangeSequences(text), ...strangeSequences(ascii)];
    if (strange.length > 0) expect(strange).toEqual([]);
  }
}

/** SGR of paint.ts; what Ink 8 writes: cursor, erasing, alternate screen, paste, synchronized. */
const sgr = /^\[(?:0|1|2|7|22|27|31|32|33|36|39)?m/;
const moves = /^\[(?:\d+(?:;\d+)?)?[ABCDEFGHJK]/;
const modes = /^\[\?(?:25|1049|2004|2026)[hl]/;

/** What is neither plain text nor one of our sequences, by place. */
function strangeSequences(text: string): readonly string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x20 && code < 0x7f) continue;
    if (code === 0x1b) {
      const rest = text.slice(at + 1, at + 24);
      const known = sgr.exec(rest) ?? moves.exec(rest) ?? modes.exec(rest);
      if (known === null) found.push(JSON.stringify(text.slice(at, at + 12)));
      else at += known[0].length;
    } else if (code === 0x0a || code === 0x0d) {
      // Between the lines of a frame. Views are held against lines without any.
    } else if (isStrange(text.codePointAt(at) ?? code)) {
      found.push(`U+${code.toString(16)} at ${at}`);
    } else if (code >= 0xd800 && code <= 0xdbff) at += 1;
  }
  return found;
}

/** C0, C1, bidi, zero width, tags, selectors, lone surrogates. */
function isStrange(point: number): boolean {
  if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return true;
  if (point >= 0xd800 && point <= 0xdfff) return true;
  if (point >= 0xe0000 && point <= 0xe0fff) return true;
  return invisible.test(String.fromCodePoint(point));
}

const invisible = /[\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]/u;

/** All that Ink writes while each payload is in every field and the reader goes round. */
async function shownByInk(payloads: readonly string[]): Promise<string> {
  const stdout = fakeStdout();
  const stdin = fakeStdin();
  const source: Source = {
    place: payloads[0] ?? "",
    now: () => whole.now,
    watch(on) {
      for (const payload of payloads) on.snapshot(poisoned(small, payload));
      on.lost(payloads.join(""), 2, 1_000);
      on.snapshot(poisoned(small, payloads.join(" ")));
      return () => undefined;
    },
    get: async <T>(path: string) => answerOf(path, payloads) as T,
    post: () => Promise.reject(new Error(payloads.join(""))),
  };
  const streams = { stdout, stdin, stderr: fakeStdout() } as unknown as Streams;
  const looks = { readOnly: undefined, colour: true, ascii: false, refreshMs: 1, own: undefined };
  const { instance, close } = mount({ source, ...looks }, streams);
  for (const key of [
    "2",
    "\r",
    "\u001b",
    "3",
    "G",
    "\r",
    "6",
    "1",
    "\r",
    "\t",
    "\t",
    "?",
    "?",
    "y",
  ]) {
    stdin.type(key);
    // A lone escape is told from the begin of a sequence by time.
    await new Promise((resolve) => setTimeout(resolve, key === "\u001b" ? 40 : 8));
  }
  stdin.type("\u001b");
  await new Promise((resolve) => setTimeout(resolve, 40));
  stdin.type("q");
  await instance.waitUntilExit();
  close();
  return stdout.text();
}

function answerOf(path: string, payloads: readonly string[]): unknown {
  const all = payloads.join("");
  if (path === paths.keys) return poisoned(demoKeys(whole.now), all);
  if (path === paths.tools) {
    return payloads.flatMap((one) => poisoned(demoTools("ci-bot").slice(0, 3), one));
  }
  const record = { seq: 1, kind: "intent", hash: "", prev: "", body: JSON.stringify({ all }) };
  return { ...poisoned({ id: "", chain: "", records: [record] }, all) };
}

function fakeStdout() {
  const written: string[] = [];
  return Object.assign(new EventEmitter(), {
    ...{ isTTY: true, columns: 120, rows: 40, writable: true, writableLength: 0 },
    write(text: string, ...rest: readonly unknown[]) {
      written.push(text);
      const done = rest.at(-1);
      if (typeof done === "function") done();
      return true;
    },
    text: () => written.join(""),
  });
}

function fakeStdin() {
  const waiting: string[] = [];
  const stdin = Object.assign(new EventEmitter(), {
    isTTY: true,
    setRawMode: () => stdin,
    setEncoding: () => stdin,
    ref: () => stdin,
    unref: () => stdin,
    resume: () => stdin,
    pause: () => stdin,
    read: () => waiting.shift() ?? null,
    type(text: string) {
      waiting.push(text);
      stdin.emit("readable");
    },
  });
  return stdin;
}

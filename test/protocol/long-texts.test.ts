/** Texts that are cut out before JSON.parse: nothing of it may be seen but the time saved. */

import { describe, expect, test } from "bun:test";
import { type BriefObject, LongText } from "../../src/base/brief.ts";
import { limits } from "../../src/base/limits.ts";
import { giveMemory, takeMemory } from "../../src/base/spare-memory.ts";
import type { StrictBody } from "../../src/protocol/message.ts";
import { readStrict, readUpstream } from "../../src/protocol/strict-json.ts";
import { bounds, bytesOf, strict, textOf, verdict } from "./kit.ts";

const plain = "The quick brown fox. ".repeat(400);
const wide = "Grüße an alle, 世界 und 𝕏 🙂 ".repeat(300);

/** Bytes of `text` at every alignment a body may arrive at. */
function shifted(text: string, by: number): Uint8Array {
  const bytes = bytesOf(text);
  const room = new Uint8Array(bytes.length + 8);
  room.set(bytes, by);
  return room.subarray(by, by + bytes.length);
}

describe("a request with long texts", () => {
  const bodies: readonly (readonly [string, unknown])[] = [
    ["plain", { text: plain }],
    ["not ASCII", { text: `a plain beginning of it ${wide}` }],
    ["not ASCII from the start", { text: wide }],
    ["several, in arrays and objects", { a: [plain, { b: plain, c: 1 }], d: plain, e: "short" }],
    ["escapes before, between and after", { a: `\n${plain}\t"${plain}\\`, b: plain }],
    [
      "an escape at each place of a window",
      [..."0123456789abcdef"].map((_, n) => `${" ".repeat(n)}\u0001${plain}`),
    ],
    ["digits", { a: "0123456789".repeat(1000), b: plain }],
  ];
  for (const [name, value] of bodies) {
    test(name, () => {
      const root = { given: value };
      for (let by = 0; by < 4; by++) {
        for (const text of [JSON.stringify(root), JSON.stringify(root, null, 2)]) {
          const read = readStrict(shifted(text, by), bounds);
          expect(read.ok && read.value.value).toEqual(root as never);
        }
      }
    });
  }

  test("a wide character at each place before a run, within it and behind it", () => {
    for (let n = 0; n < 60; n += 1) {
      for (const sign of ["é", "世", "🙂", "\u007f", "\u0080"]) {
        const root = { a: `${"x".repeat(n)}${sign}${plain}${sign}${plain}${sign}` };
        const read = readStrict(shifted(JSON.stringify(root), n & 3), bounds);
        expect(read.ok && read.value.value).toEqual(root);
        const last = { a: `${"x".repeat(n)}${sign}${plain}` };
        const other = readStrict(shifted(JSON.stringify(last), n & 3), bounds);
        expect(other.ok && other.value.value).toEqual(last);
      }
    }
  });

  test("the spans are those of the whole", () => {
    const body = strict(`{"params":{"arguments":{"text":"${plain}"},"other":1}}`);
    expect(textOf(body.bytes, body.span("arguments", "params"))).toBe(`{"text":"${plain}"}`);
  });

  test("P1 P3 what is refused short is refused long", () => {
    const bad = [
      `{"a":"${plain}\n"}`,
      `{"a":"${plain}\n${plain}"}`,
      `{"a":"${plain}\u0000","b":1}`,
      `{"a":"${plain}\u001f${plain}"}`,
      `{"a":"${plain}`,
      `{"a":"${plain}","a":"${plain}"}`,
      `{"__proto__":"${plain}"}`,
      `{"__proto__":{"a":"${plain}"}}`,
      `{"a":"${plain}",}`,
      `{"a" "${plain}"}`,
      `"${plain}":{}`,
      `{"a":"\\ud800 ${plain}"}`,
      `{"a":"\\ud8000","b":"${plain}"}`,
      `{"a":"\\u00${plain}"}`,
      `{"a":"\\x${plain}"}`,
    ];
    for (const text of bad)
      expect([text.slice(0, 20), verdict(text)]).toEqual([text.slice(0, 20), "GW_JSON"]);
  });

  test("P4 bytes that are no UTF-8, anywhere in it", () => {
    const bytes = bytesOf(`{"a":"${plain}"}`);
    for (const at of [6, 25, 30, 31, 32, 33, 5000, bytes.length - 3]) {
      const broken = bytes.slice();
      broken[at] = 0xff;
      expect(verdict(broken)).toBe("GW_JSON");
    }
  });

  test("a control character, anywhere in it", () => {
    const bytes = bytesOf(`{"a":"${plain}"}`);
    for (let at = 20; at < bytes.length - 2; at += 7) {
      const broken = bytes.slice();
      broken[at] = at % 32;
      expect(verdict(broken)).toBe("GW_JSON");
    }
  });

  test("R4 a long key is refused as one", () => {
    expect(verdict(`{"${plain}":1}`)).toBe("GW_JSON_LIMIT");
    expect(verdict(`{"a":"${plain}","${plain}":"${plain}"}`)).toBe("GW_JSON_LIMIT");
  });
});

describe("arguments with texts that no rule may read", () => {
  const huge = "Lorem ipsum dolor. ".repeat(limits.subjectBytes / 16);
  const given = { a: huge, b: ["short", huge, { c: huge, d: plain }], wide: `${huge}é`, n: 1 };
  const read = (root: unknown): StrictBody => strict(JSON.stringify(root));

  test("policy gets their lengths, whoever asks for params the texts", () => {
    const root = { method: "tools/call", params: { x: huge, arguments: given, name: "t" }, id: 1 };
    const body = read(root);
    const { length } = huge;
    expect(lengths(body.brief as BriefObject)).toEqual({
      ...{ a: { length }, b: ["short", { length }, { c: { length }, d: plain }] },
      ...{ wide: `${huge}é`, n: 1 },
    });
    expect(JSON.stringify(body.value)).toBe(JSON.stringify(root));
    expect(body.value).toEqual(root as never);
    expect(body.brief).toEqual(given as never);
  });

  test("at every alignment", () => {
    for (let by = 0; by < 4; by++) {
      for (const root of [
        { params: { arguments: given } },
        { params: { arguments: { a: huge } } },
      ]) {
        const bytes = shifted(JSON.stringify(root, null, by), by);
        const body = readStrict(bytes, bounds);
        if (!body.ok) throw new Error(body.error.message);
        expect(body.value.brief?.["a"]).toBeInstanceOf(LongText);
        expect(body.value.value).toEqual(root as never);
      }
    }
  });

  test("nothing is brief elsewhere, below the limit, or beside an escape", () => {
    const brim = "x".repeat(limits.subjectBytes);
    for (const root of [
      { arguments: given },
      { params: given },
      { params: { arguments: [huge] } },
      { params: { arguments: { a: brim } } },
      { params: { arguments: { a: huge, b: "\n" } } },
      { result: { params: { arguments: given } } },
    ]) {
      const body = read(root);
      expect(body.brief).toBeUndefined();
      expect(body.value).toEqual(root as never);
    }
    expect(read({ params: { arguments: { a: `${brim}x` } } }).brief).toBeDefined();
  });

  test("R2 the objects that stand for them are not counted as members", () => {
    expect(verdict(JSON.stringify({ params: { arguments: { a: huge } } }))).toBe("ok");
    const twice = `{"params":{"arguments":{"a":"${huge}","a":"${huge}"}}}`;
    expect(verdict(twice)).toBe("GW_JSON");
  });

  test("read too late, it is an error and no other body's bytes", () => {
    const memory = takeMemory(huge.length + 100);
    const bytes = memory.subarray(
      0,
      Buffer.from(memory.buffer, memory.byteOffset).write(
        `{"params":{"arguments":{"a":"${huge}"}}}`,
      ),
    );
    const body = readStrict(bytes, bounds);
    if (!body.ok) throw new Error(body.error.message);
    giveMemory(memory.buffer);
    expect(() => JSON.stringify(body.value.value)).toThrow();
  });

  /** A long text as an object of its length. */
  function lengths(tree: BriefObject): unknown {
    const bare = (_key: string, one: unknown): unknown =>
      one instanceof LongText ? { length: one.length } : one;
    return JSON.parse(JSON.stringify(tree, bare));
  }
});

describe("an answer with long texts", () => {
  test("is cut in value, not in bytes", () => {
    const text = `{"id":1,"result":{"content":[{"text":"${plain}"}],"isError":true}}`;
    const read = readUpstream(bytesOf(text), true);
    if (!read.ok) throw new Error(read.error.message);
    const result = read.value.value["result"] as { content: { text: string }[]; isError: boolean };
    expect(result.isError).toBe(true);
    expect(result.content[0]?.text.length).toBeLessThan(64);
    expect(textOf(read.value.bytes, read.value.span("result"))).toContain(plain);
  });

  test("without a result it is read whole", () => {
    for (const root of [
      { error: { message: plain } },
      { method: "x", params: { message: plain } },
    ]) {
      const read = readUpstream(bytesOf(JSON.stringify(root)), true);
      expect(read.ok && read.value.value).toEqual(root);
    }
  });

  test("wherever an escape or a wide character stands", () => {
    for (let n = 0; n < 40; n++) {
      for (const sign of ["\\u0001", "\\n", "é", "世", "🙂"]) {
        const text = `{"result":{"a":"${"x".repeat(n)}${sign.repeat(3)}${plain}${sign}${plain}"}}`;
        expect(readUpstream(bytesOf(text), true).ok).toBe(true);
        expect(verdict(text)).toBe("ok");
      }
    }
  });

  test("U21 is read as strictly", () => {
    const bad = [
      `{"result":{"a":"${plain}\n${plain}"}}`,
      `{"result":{"a":"${plain}"},"result":{}}`,
      `{"result":{"a":"\\u00${plain}"}}`,
      `{"result":{"a":"${plain}`,
    ];
    for (const text of bad) expect(readUpstream(bytesOf(text), true).ok).toBe(false);
    const broken = bytesOf(`{"result":{"a":"${plain}"}}`);
    broken[100] = 0xc0;
    expect(readUpstream(broken, true).ok).toBe(false);
  });
});

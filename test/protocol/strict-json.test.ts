import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { numberKind } from "../../src/protocol/numbers.ts";
import { readStrict, readUpstream } from "../../src/protocol/strict-json.ts";
import { bounds, bytesOf, callText, strict, textOf, upstream, verdict } from "./kit.ts";

describe("what is refused", () => {
  const twice = [
    '{"name":"safe","name":"evil"}',
    '{"arguments":{"a":{"b":1,"c":2,"b":1}}}',
    '{"name":"safe","n\\u0061me":"evil"}',
    '{"_meta":{"progressToken":1,"progressToken":2}}',
    '{"arguments":{"list":[{"a":1},{"a":1,"a":1}]}}',
    '{"":1,"":2}',
    '{"é":1,"\\u00e9":2}',
  ];
  for (const params of twice) {
    test(`P1 duplicate key: ${params}`, () => {
      const read = readStrict(bytesOf(callText(params)), bounds);
      expect(read.ok ? "ok" : read.error.message).toBe("an object has the same key twice");
    });
  }

  const proto = [
    '{"__proto__":{"role":"admin"}}',
    '{"a":[{"__proto__":1}]}',
    '{"\\u005f_proto__":1}',
    '{"a":{"__proto__":null,"b":1}}',
  ];
  for (const text of proto) {
    test(`P24 __proto__: ${text}`, () => {
      expect(verdict(text)).toBe("GW_JSON");
      expect((Object.prototype as { role?: string }).role).toBeUndefined();
    });
  }
  test("P24 constructor and toString are plain keys", () => {
    expect(verdict('{"constructor":{"name":1},"toString":2,"hasOwnProperty":3}')).toBe("ok");
  });

  test("P3 two keys that differ in a control character", () => {
    expect(verdict('{"a":{"name":1,"name\\u0000":2}}')).toBe("GW_JSON");
    expect(verdict('{"a":{"name":1,"name\\u0000x":2}}')).toBe("GW_JSON");
    expect(verdict('{"a":{"name":1,"na\\u009fme":2}}')).toBe("GW_JSON");
    expect(verdict('{"a":{"name":1,"na\u007fme":2}}')).toBe("GW_JSON");
    const long = "k".repeat(60);
    expect(verdict(`{"a":{"${long}":1,"${long}\u007f":2}}`)).toBe("GW_JSON");
  });

  const notUtf8: [string, number[]][] = [
    ["overlong slash", [0xc0, 0xaf]],
    ["surrogate as UTF-8", [0xed, 0xa0, 0x80]],
    ["Latin-1", [0xe9]],
    ["lone continuation", [0x81]],
    ["over U+10FFFF", [0xf4, 0xbf, 0xbf, 0xbf]],
    ["cut short", [0xe0, 0xff]],
  ];
  for (const [name, middle] of notUtf8) {
    test(`P11 not UTF-8: ${name}`, () => {
      const bytes = [...bytesOf('{"a":"'), ...middle, ...bytesOf('"}')];
      expect(verdict(new Uint8Array(bytes))).toBe("GW_JSON");
    });
  }
  test("P11 BOM and UTF-16", () => {
    expect(verdict("\ufeff{}")).toBe("GW_JSON");
    for (const order of ["le", "be"]) {
      const units = [...'{"a":1}'].flatMap((character) => {
        const code = character.charCodeAt(0);
        return order === "le" ? [code, 0] : [0, code];
      });
      expect(verdict(new Uint8Array(units))).toBe("GW_JSON");
    }
  });
  test("P11 lone surrogates, near and far, in keys and strings", () => {
    const far = "x".repeat(500);
    for (const half of ["\\ud800", "\\uDFAA", "\\uD800\\uD800", "\\ud800x", "\\uDd1e\\uD834"]) {
      expect(verdict(`{"a":"${half}"}`)).toBe("GW_JSON");
      expect(verdict(`{"a":["${far}${half}${far}"]}`)).toBe("GW_JSON");
      expect(verdict(`{"${half}":1}`)).toBe("GW_JSON");
      expect(verdict(`{"${"k".repeat(100)}${half}":1}`)).toBe("GW_JSON");
    }
    expect(verdict('{"a":"\\ud83d\\ude00 \\\\ud800"}')).toBe("ok");
  });

  test("F19 arrays and scalars say what they are", () => {
    const call = callText('{"name":"a"}');
    for (const text of [`[${call},${call}]`, "[]", " [1]"]) {
      const read = readStrict(bytesOf(text), bounds);
      expect(read.ok ? "" : read.error.root).toBe("array");
    }
    for (const text of ["1", "null", '"x"', "true"]) {
      const read = readStrict(bytesOf(text), bounds);
      expect(read.ok ? "" : read.error.root).toBe("scalar");
    }
    const broken = readStrict(bytesOf("[1"), bounds);
    expect(broken.ok ? "" : broken.error.root).toBeUndefined();
  });
});

describe("limits", () => {
  /** Milliseconds, the best of three: the bounds are about growth, not about a busy machine. */
  function timed(bytes: Uint8Array): number {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 3; round++) {
      const start = performance.now();
      expect(verdict(bytes)).toBe("GW_JSON_LIMIT");
      best = Math.min(best, performance.now() - start);
    }
    return best;
  }

  test("R2 depth 64 passes, 65 does not", () => {
    const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
    expect(verdict(nested(64))).toBe("ok");
    expect(verdict(nested(65))).toBe("GW_JSON_LIMIT");
  });
  test("R2 five million brackets are refused in 15 ms", () => {
    expect(timed(bytesOf("[".repeat(5_000_000)))).toBeLessThan(15);
    expect(timed(bytesOf('{"a":'.repeat(100_000)))).toBeLessThan(15);
  });
  test("R3 20,000 values pass, one more does not", () => {
    const list = (count: number) => `{"a":[${"1,".repeat(count - 3)}1]}`;
    expect(verdict(list(20_000))).toBe("ok");
    expect(verdict(list(20_001))).toBe("GW_JSON_LIMIT");
    // The last values count too, with no comma after them.
    expect(verdict(`{"a":[${"1,".repeat(19_997)}[1]]}`)).toBe("GW_JSON_LIMIT");
  });
  test("R3 a million keys and integer keys are refused in 60 ms", () => {
    const keys = Array.from({ length: 1_000_000 }, (_, i) => `"k${i}":1`).join(",");
    expect(timed(bytesOf(`{${keys}}`))).toBeLessThan(60);
    const integers = Array.from({ length: 200_000 }, (_, i) => `"${i * 7}":1`).join(",");
    expect(timed(bytesOf(`{${integers}}`))).toBeLessThan(60);
  });
  test("R4 keys over 256 bytes", () => {
    expect(verdict(`{"${"k".repeat(256)}":1}`)).toBe("ok");
    expect(verdict(`{"${"k".repeat(257)}":1}`)).toBe("GW_JSON_LIMIT");
    expect(verdict(`{"${"é".repeat(128)}":1}`)).toBe("ok");
    expect(verdict(`{"${"é".repeat(129)}":1}`)).toBe("GW_JSON_LIMIT");
    expect(verdict(`{"${"\\u0041".repeat(256)}":1}`)).toBe("ok");
  });
  test("a megabyte of escapes, quotes or short strings is read in linear time", () => {
    const texts = ["\\n", '\\"', "line\\n", "\\u00e9", `${"x".repeat(40)}\\n`];
    for (const piece of texts) {
      const body = `{"a":"${piece.repeat(Math.ceil(1_000_000 / piece.length))}"}`;
      const start = performance.now();
      expect(verdict(body)).toBe("ok");
      expect(performance.now() - start).toBeLessThan(200);
    }
    const strings = `{"a":[${`"${"y".repeat(60)}",`.repeat(15_000)}"\\n"]}`;
    const start = performance.now();
    expect(verdict(strings)).toBe("ok");
    expect(performance.now() - start).toBeLessThan(200);
  });
});

describe("numbers", () => {
  const rows: [string, "ok" | "inexact" | "GW_JSON"][] = [
    ["100", "ok"],
    ["1.0", "ok"],
    ["1e2", "ok"],
    ["-0", "ok"],
    ["0.1", "ok"],
    ["0.30000000000000004", "ok"],
    ["1e23", "ok"],
    ["100000000000000000000", "ok"],
    ["9007199254740992", "ok"],
    ["9007199254740993", "inexact"],
    ["-9007199254740993", "inexact"],
    ["100.00000000000000001", "inexact"],
    ["123e-10000000", "inexact"],
    ["0e-10000000", "ok"],
    ["1e400", "GW_JSON"],
    ["-1E400", "GW_JSON"],
    [`1${"0".repeat(400)}`, "GW_JSON"],
    [`0.${"0".repeat(9000)}`, "ok"],
  ];
  for (const [number, expected] of rows) {
    test(`P5 ${number.slice(0, 30)} is ${expected}`, () => {
      const read = readStrict(bytesOf(`{"a":[${number}]}`), bounds);
      const got = read.ok ? (read.value.inexact === true ? "inexact" : "ok") : read.error.code;
      expect(got).toBe(expected);
    });
  }
  test("P5 the double of every exact number prints as the same decimal", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (double) => {
        const bytes = bytesOf(String(double));
        expect(numberKind(bytes, 0, bytes.length)).toBe("exact");
      }),
    );
    // Up to 1e21 doubles print as plain digits.
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 50n, max: 10n ** 20n }), (integer) => {
        const bytes = bytesOf(String(integer));
        const same = BigInt(String(Number(integer))) === integer;
        expect(numberKind(bytes, 0, bytes.length)).toBe(same ? "exact" : "inexact");
      }),
    );
  });
});

describe("spans", () => {
  /** Any JSON object, written with random spaces and escapes. */
  const document = fc.tuple(
    fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 }),
    fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 }),
    fc.nat(3),
  );

  test("every member's bytes are its value, in any spelling", () => {
    fc.assert(
      fc.property(document, ([params, rest, indent]) => {
        const value = { ...rest, params };
        fc.pre(!hasProto(value));
        const body = strict(JSON.stringify(value, null, indent));
        expect(body.value).toEqual(JSON.parse(JSON.stringify(value)));
        for (const [inside, object] of [
          [undefined, body.value],
          ["params", body.value["params"]],
        ] as const) {
          const members = body.members(inside);
          expect(members.map(({ key }) => key).sort()).toEqual(
            Object.keys(object as object).sort(),
          );
          for (const { key, start, valueStart, end } of members) {
            const expected = (object as Record<string, unknown>)[key];
            expect(JSON.parse(textOf(body.bytes, [valueStart, end]))).toEqual(expected as never);
            const whole = JSON.parse(`{${textOf(body.bytes, [start, end])}}`);
            expect(whole).toEqual({ [key]: expected });
          }
        }
      }),
      { numRuns: 400 },
    );
  });

  test("span finds plain and escaped keys, and tells params from other objects", () => {
    const body = strict(
      '{ "x":{"arguments":0}, "params" : {"name":"é","argum\\u0065nts" : [1.0] } ,"arguments":2}',
    );
    expect(textOf(body.bytes, body.span("arguments", "params"))).toBe("[1.0]");
    expect(textOf(body.bytes, body.span("arguments"))).toBe("2");
    expect(textOf(body.bytes, body.span("name", "params"))).toBe('"é"');
    expect(body.span("name")).toBeUndefined();
    expect(body.span("arguments", "result")).toBeUndefined();
    expect(strict('{"params":[{"name":1}]}').span("name", "params")).toBeUndefined();
    expect(strict('{"params":{}}').span("name", "params")).toBeUndefined();
  });

  test("P1 what one body is said to hold stays while others are read", () => {
    const body = strict('{"params":{"a":9007199254740993,"b":"\\n"},"c":1}');
    strict(callText('{"name":"other"}'));
    strict("{}");
    expect(body.inexact).toBe(true);
    expect(body.members("params").map(({ key }) => key)).toEqual(["a", "b"]);
    expect(new TextDecoder().decode(body.part("b", "params"))).toBe('"\\n"');
    expect(body.part("b")).toBeUndefined();
    expect(body.saysInteger("c", 1)).toBe(true);
  });

  test.each([
    ["0", 0, true],
    ["-0", 0, false],
    ["-0", -0, false],
    ["0", 1, false],
    ["10", 10, true],
    ["10", 1, false],
    ["10", 0, false],
    ["1", 10, false],
    ["-12", -12, true],
    ["12", -12, false],
    ["-12", 12, false],
    ["12.0", 12, false],
    ["1.2e1", 12, false],
    ["012", 12, false],
    ["9007199254740991", 9007199254740991, true],
    ["-9007199254740991", -9007199254740991, true],
    ["9007199254740992", 9007199254740991, false],
    ['"7"', 7, false],
  ])("F22 an id is written as its digits, nothing else: %s as %d: %p", (text, value, is) => {
    const read = readStrict(bytesOf(`{"x":3,"id":${text}}`), bounds);
    expect(read.ok && read.value.saysInteger("id", value)).toBe(is);
    expect(read.ok && read.value.saysInteger("y", value)).toBe(false);
  });

  test("F22 every integer is written as its digits, and no other", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (value, other) => {
        const body = strict(`{"id":${value}}`);
        expect(body.saysInteger("id", value)).toBe(true);
        expect(body.saysInteger("id", other)).toBe(String(value) === String(other));
      }),
    );
  });

  test("P4 a changed byte never yields a body whose tree and bytes disagree", () => {
    const base = bytesOf(callText('{"name":"a\\n","arguments":{"b":[1,{"c":"\\u00e9"}],"d":""}}'));
    fc.assert(
      fc.property(fc.nat(base.length - 1), fc.nat(127), (at, byte) => {
        const bytes = base.slice();
        bytes[at] = byte;
        const read = readStrict(bytes, bounds);
        if (!read.ok) return;
        for (const { key, valueStart, end } of read.value.members()) {
          expect(JSON.parse(textOf(bytes, [valueStart, end]))).toEqual(
            read.value.value[key] as never,
          );
        }
      }),
      { numRuns: 3000 },
    );
  });

  function hasProto(value: unknown): boolean {
    return JSON.stringify(value).includes("__proto__");
  }
});

describe("answers of servers", () => {
  test("duplicates below the root are kept, the last one counts", () => {
    const body = upstream('{"result":{"a":1,"a":2.0,"b":{"c":1,"c":2}},"id":1}');
    expect(textOf(body.bytes, body.span("a", "result"))).toBe("2.0");
    expect(textOf(body.bytes, body.span("result"))).toBe('{"a":1,"a":2.0,"b":{"c":1,"c":2}}');
  });
  test("P1 the root must be unambiguous", () => {
    for (const text of ['{"id":1,"id":2}', '{"result":1,"r\\u0065sult":2}', "[]", "{", ""]) {
      expect(readUpstream(bytesOf(text)).ok).toBe(false);
    }
  });
  test("U21 depth a million is an error, not a crash", () => {
    for (const open of ["[", '{"a":']) {
      expect(readUpstream(bytesOf(`{"result":${open.repeat(1_000_000)}`)).ok).toBe(false);
    }
    const closed = `{"result":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}}`;
    expect(readUpstream(bytesOf(closed)).ok).toBe(false);
  });
  test("U21 a million keys are an error", () => {
    const keys = Array.from({ length: 1_000_000 }, (_, i) => `"${i}":1`).join(",");
    expect(readUpstream(bytesOf(`{"result":{${keys}}}`)).ok).toBe(false);
  });
});

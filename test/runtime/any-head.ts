/** Heads put together of good and odd pieces, some with a byte or two changed. */

import fc from "fast-check";

export function anyHead(): fc.Arbitrary<string> {
  const first = fc.tuple(
    odd(["GET", "POST", "DELETE", "OPTIONS"], ["CONNECT", "get", "HEAD", "FOO", "PRI", "G T"]),
    odd(["/mcp", "/"], ["http://h/x", "*", "/a?b=c", "/../x", "/a\\b", "/#", "x", ""]),
    odd(["HTTP/1.1"], ["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/1.1 ", "http/1.1"]),
  );
  const host = odd(["Host: h"], ["Host:H:1", "Host: x, y", "Host:", "Host: [::1]:8", "X: h"]);
  const fields = fc.array(field(), { maxLength: 4 });
  const edits = fc.oneof(
    { arbitrary: fc.constant([]), weight: 2 },
    fc.array(edit(), { minLength: 1, maxLength: 2 }),
  );
  return fc
    .tuple(first, host, fields, edits)
    .map(([start, ...[named, others, changes]]) =>
      changes.reduce<string>(
        (text, change) => change(text),
        `${[start.join(" "), named, ...others].join("\r\n")}\r\n\r\n`,
      ),
    );
}

function odd(good: readonly string[], bad: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ arbitrary: fc.constantFrom(...good), weight: 12 }, fc.constantFrom(...bad));
}

function field(): fc.Arbitrary<string> {
  const between = odd([": ", ":"], [" :", ":\t", ":  ", ": \t", "", "::"]);
  const behind = odd([""], [" ", "\t", ",", "\r\n ", "\v", ";x", "\r", "\n", "\0"]);
  return fc.oneof(
    ...known.map(([name, values]) =>
      fc
        .tuple(fc.constantFrom(...cases(name)), between, fc.constantFrom(...values), behind)
        .map((parts) => parts.join("")),
    ),
    fc.tuple(bytes(1), between, bytes(0), behind).map((parts) => parts.join("")),
  );
}

const known: readonly (readonly [name: string, values: readonly string[]])[] = [
  ["Content-Length", ["3", "0", "03", "3, 3", "+3", "-1", "", "99999999999999999", "3 4"]],
  ["Transfer-Encoding", ["chunked", "Chunked", "gzip, chunked", "identity", "chunked, chunked"]],
  ["Connection", ["close", "keep-alive", "x, close", "close, keep-alive", "upgrade", "closed"]],
  ["Expect", ["100-continue", "200-ok"]],
  ["X-A", ["1", "a:b", ""]],
];

const cases = (name: string) => [name, name, name.toLowerCase(), name.toUpperCase(), `X-${name}`];

function bytes(minLength: number): fc.Arbitrary<string> {
  const code = fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.nat({ max: 255 }));
  return fc.array(code, { minLength, maxLength: 6 }).map((codes) => String.fromCharCode(...codes));
}

/** A byte is lost, comes in between, or becomes another one. */
function edit(): fc.Arbitrary<(text: string) => string> {
  const pieces = ["", " ", "\t", "\r", "\n", "\r\n", "\0", ":", ",", "0", "3", "x", "\x7f", "\xa0"];
  return fc
    .tuple(fc.nat(), fc.constantFrom(...pieces), fc.nat({ max: 1 }))
    .map(([place, piece, lost]) => (text) => {
      const at = place % text.length;
      return text.slice(0, at) + piece + text.slice(at + lost);
    });
}

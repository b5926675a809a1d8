import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createPastes } from "../../tui/pastes.ts";

const [begin, end, interrupt] = ["\u001b[200~", "\u001b[201~", "\u0003"];

const through = (most: number, chunks: readonly string[]) => {
  const pass = createPastes(most);
  return chunks.map((chunk) => pass(chunk)).join("");
};

describe("what a terminal sends", () => {
  test("goes through as it came, however it is cut, while pastes end and are short", () => {
    const part = fc.oneof(
      fc.constantFrom("j", "\u001b", "\u001b[A", "~", "ż", "\r", interrupt, "\u001b[20"),
      fc.string({ maxLength: 9 }).map((text) => `${begin}${text.replaceAll("\u001b", "")}${end}`),
    );
    fc.assert(
      fc.property(fc.array(part), fc.array(fc.nat(9)), (parts, cuts) => {
        const chunks: string[] = [];
        let rest = parts.join("");
        for (const cut of cuts) {
          // A read of ctrl-c alone is typed: it never is a part of something.
          if (rest.slice(0, cut + 1).includes(interrupt)) continue;
          chunks.push(rest.slice(0, cut + 1));
          rest = rest.slice(cut + 1);
        }
        expect(through(100, [...chunks, `${rest}.`])).toBe(`${parts.join("")}.`);
      }),
    );
  });

  test.each([
    ["in a paste that never ends", [`a${begin}text`, interrupt], `a${begin}text${end}${interrupt}`],
    ["twice", [begin, interrupt + interrupt, "q"], `${begin}${end}${interrupt}${interrupt}q`],
    [
      "where half of the end came",
      [`${begin}x\u001b[20`, interrupt],
      `${begin}x\u001b[20${end}\u0003`,
    ],
    ["in one that was cut", [`${begin}123456789`, "more", interrupt], `${begin}12345${end}\u0003`],
    ["as text of a paste", [`${begin}a\u0003b`, `c${end}`], `${begin}a\u0003bc${end}`],
  ])("ctrl-c %s", (_, chunks, gives) => {
    expect(through(5, chunks)).toBe(gives);
  });

  test("T9 a paste that is too long is cut, what follows it are keys again", () => {
    const chunks = [`j${begin}123`, "456", "789\u001b[", "201~k", `${begin}ab${end}`];
    expect(through(5, chunks)).toBe(`j${begin}12345${end}k${begin}ab${end}`);
  });

  test("the end of a paste is found after any of its marks' parts", () => {
    const whole = `${begin}ab${end}q`;
    for (let at = 1; at < whole.length; at++) {
      expect(through(9, [whole.slice(0, at), whole.slice(at)])).toBe(whole);
    }
  });
});

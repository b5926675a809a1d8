/**
 * Numbers are compared as the decimals people wrote. A double whose shortest spelling is the same
 * decimal stands for it exactly, and such doubles have the order of their decimals, so plain
 * comparison is exact as long as both sides passed `isExact`. What did not is refused (policy) or
 * flagged `inexact` (arguments).
 */

/** Does the number mean what was written? lexeme in JSON's grammar. */
export function isExact(lexeme: string, number: number): boolean {
  if (!Number.isFinite(number)) return false;
  if (lexeme === String(number)) return true; // As nearly all are written.
  const written = decimal(lexeme);
  return written !== undefined && written === decimal(String(number));
}

/** Canonical digits and exponent, e.g. "1.50e2" is "15e1"; undefined if not JSON's grammar. */
function decimal(lexeme: string): string | undefined {
  let at = lexeme[0] === "-" ? 1 : 0;
  const sign = at === 1 ? "-" : "";
  const wholeStart = at;
  while (isDigit(lexeme, at)) at += 1;
  const whole = lexeme.slice(wholeStart, at);
  if (whole === "" || (whole.length > 1 && whole[0] === "0")) return undefined;
  let fraction = "";
  if (lexeme[at] === ".") {
    const start = ++at;
    while (isDigit(lexeme, at)) at += 1;
    fraction = lexeme.slice(start, at);
    if (fraction === "") return undefined;
  }
  let exponent = 0;
  if (lexeme[at] === "e" || lexeme[at] === "E") {
    const start = ++at;
    if (lexeme[at] === "+" || lexeme[at] === "-") at += 1;
    const digits = at;
    while (isDigit(lexeme, at)) at += 1;
    if (at === digits) return undefined;
    exponent = Number(lexeme.slice(start, at));
  }
  return at === lexeme.length ? canonical(sign, whole, fraction, exponent) : undefined;
}

function canonical(sign: string, whole: string, fraction: string, exponent: number): string {
  const digits = whole + fraction;
  let first = 0;
  while (digits[first] === "0") first += 1;
  if (first === digits.length) return "0";
  let last = digits.length;
  while (digits[last - 1] === "0") last -= 1;
  const power = exponent - fraction.length + (digits.length - last);
  return `${sign}${digits.slice(first, last)}e${power}`;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 48 && code <= 57;
}

/** Whether a double says the same decimal as the text of a JSON number (P5). */

export type NumberKind = "exact" | "inexact" | "infinite";

/**
 * exact: the double prints as the same decimal, however either is written (1.0, 1e2, 0.1).
 * inexact: it prints as another one (9007199254740993, 100.00000000000000001, 1e-400).
 * infinite: no double holds it (1e400).
 */
export function numberKind(bytes: Uint8Array, start: number, end: number): NumberKind {
  let text = "";
  for (let at = start; at < end; at += chunk) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + chunk, end)));
  }
  const double = Number(text);
  if (!Number.isFinite(double)) return Number.isNaN(double) ? "exact" : "infinite";
  return decimal(text) === decimal(String(double)) ? "exact" : "inexact";
}

/** Characters made at once; spread arguments are bounded by the stack. */
const chunk = 4096;

/** A decimal in one spelling: sign, digits without zeros at either end, power of ten. */
function decimal(text: string): string {
  const negative = text.startsWith("-");
  const lower = (negative ? text.slice(1) : text).toLowerCase();
  const e = lower.indexOf("e");
  const mantissa = e === -1 ? lower : lower.slice(0, e);
  const dot = mantissa.indexOf(".");
  const digits = dot === -1 ? mantissa : mantissa.slice(0, dot) + mantissa.slice(dot + 1);
  let power = e === -1 ? 0 : Number(lower.slice(e + 1));
  if (dot !== -1) power -= mantissa.length - dot - 1;
  let start = 0;
  while (start < digits.length && digits[start] === "0") start += 1;
  if (start === digits.length) return "0";
  let end = digits.length;
  while (digits[end - 1] === "0") end -= 1;
  power += digits.length - end;
  return `${negative ? "-" : ""}${digits.slice(start, end)}e${power}`;
}

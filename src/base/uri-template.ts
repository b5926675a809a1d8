/**
 * URI templates (RFC 6570), as far as it takes to tell which one a URI was made of. Nothing is
 * extracted: the server that gave the template reads the URI itself.
 */

import { globMatches } from "./glob.ts";
import { limits } from "./limits.ts";

export interface UriTemplate {
  readonly pieces: readonly (string | Expression)[];
}

interface Expression {
  /** What its expansion begins with, where there is one: `{/a}`, `{?a}`; "" for `{a}`, `{+a}`. */
  readonly lead: string;
  /** May hold what separates the parts of a URI: `{+a}`, `{#a}`. */
  readonly wide: boolean;
  /** May be nothing at all. */
  readonly optional: boolean;
}

/** undefined: this is no template that is tried, so no URI is taken for one of it. */
export function parseTemplate(text: string): UriTemplate | undefined {
  const pieces: (string | Expression)[] = [];
  let expressions = 0;
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{", at);
    const literal = open === -1 ? text.slice(at) : text.slice(at, open);
    if (literal.includes("}")) return undefined;
    if (literal !== "") pieces.push(literal);
    if (open === -1) break;
    const close = text.indexOf("}", open);
    const expression = close === -1 ? undefined : expressionOf(text.slice(open + 1, close));
    expressions += 1;
    if (expression === undefined || expressions > limits.templateExpressions) return undefined;
    pieces.push(expression);
    at = close + 1;
  }
  return { pieces };
}

function expressionOf(inner: string): Expression | undefined {
  const operator = "+#./;?&".includes(inner[0] ?? "{") ? (inner[0] as string) : "";
  const names = inner.slice(operator.length);
  if (names === "" || names.includes("{")) return undefined;
  if (operator === "" || operator === "+") {
    return { lead: "", wide: operator === "+", optional: false };
  }
  return { lead: operator, wide: operator === "#", optional: true };
}

/** Linear in pieces × URI: every place where a piece may end is kept, nothing is tried twice. */
export function templateMatches({ pieces }: UriTemplate, uri: string): boolean {
  const first = pieces[0];
  if (typeof first === "string" && !uri.startsWith(first)) return false;
  const last = pieces.at(-1);
  if (typeof last === "string" && !uri.endsWith(last)) return false;
  let ends: Uint8Array = new Uint8Array(uri.length + 1);
  ends[0] = 1;
  for (const piece of pieces) {
    const next = new Uint8Array(uri.length + 1);
    const reached =
      typeof piece === "string" ? literal(piece, uri, ends, next) : run(piece, uri, ends, next);
    if (!reached) return false;
    ends = next;
  }
  return ends[uri.length] === 1;
}

function literal(piece: string, uri: string, ends: Uint8Array, next: Uint8Array): boolean {
  let any = false;
  for (let at = uri.indexOf(piece); at !== -1; at = uri.indexOf(piece, at + 1)) {
    if (ends[at] !== 1) continue;
    next[at + piece.length] = 1;
    any = true;
  }
  return any;
}

function run(piece: Expression, uri: string, ends: Uint8Array, next: Uint8Array): boolean {
  const { lead, wide, optional } = piece;
  const first = lead === "" ? -1 : lead.charCodeAt(0);
  let inside = false;
  let any = false;
  for (let at = 0; at <= uri.length; at += 1) {
    const here = ends[at] === 1;
    if (inside || (optional && here)) {
      next[at] = 1;
      any = true;
    }
    if (at === uri.length) break;
    const code = uri.charCodeAt(at);
    // What a simple expansion has only percent-encoded (RFC 6570 3.2.2).
    const held = wide || !(code === slash || code === question || code === hash);
    // Further parts of `{/a,b}` have the lead again.
    if (inside) inside = held || code === first;
    if (here && !inside) inside = first === -1 ? held : code === first;
  }
  return any;
}

const [slash, question, hash] = [0x2f, 0x3f, 0x23];

/**
 * Which of the URIs made of a template a glob covers. "some" where that is not sure: more than the
 * literal ends would have to be looked at.
 */
export function globCovers(glob: string, template: UriTemplate): "all" | "some" | "none" {
  if (!glob.includes("*") && !glob.includes("?")) {
    return templateMatches(template, glob) ? "some" : "none";
  }
  const texts = template.pieces.map((piece) => (typeof piece === "string" ? piece : undefined));
  const open = texts.includes(undefined);
  const filled = texts.map((text) => text ?? unlikely).join("");
  // Only a star covers what no glob names; `?` would cover one character and not two.
  const sure = !open || !(glob.includes("?") || glob.includes(unlikely));
  if (globMatches(glob, filled)) return sure ? "all" : "some";
  if (!open) return "none";
  const stars = glob.replaceAll("?", "*").split("*");
  const [head, tail] = [stars[0] ?? "", stars.at(-1) ?? ""];
  const begins = meet(head, texts[0] ?? "", (a, b) => a.startsWith(b));
  const ends = meet(tail, texts.at(-1) ?? "", (a, b) => a.endsWith(b));
  return begins && ends ? "some" : "none";
}

function meet(a: string, b: string, has: (a: string, b: string) => boolean): boolean {
  return has(a, b) || has(b, a);
}

/** Of the private use area. */
const unlikely = "\uf8ff";

/**
 * Texts that attack a terminal or the reader of one: in names, errors and stderr of servers, in
 * what clients say of themselves. Made of code points, so that this file is safe to print.
 */

const char = (...points: readonly number[]): string => String.fromCodePoint(...points);
const esc = char(0x1b);
const bel = char(0x07);
const st = `${esc}\\`;
const csi8 = char(0x9b);
const osc8bit = char(0x9d);

/** Each C0 control and DEL between letters. */
const c0 = [...Array.from({ length: 32 }, (_, at) => at), 0x7f].map(
  (point): readonly [string, string] => [`C0 ${hex(point)}`, `a${char(point)}b`],
);

/** Those C1 controls that a terminal acts on when it takes eight bits. */
const c1 = [0x84, 0x85, 0x88, 0x8d, 0x8e, 0x8f, 0x90, 0x98, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f].map(
  (point): readonly [string, string] => [`C1 ${hex(point)}`, `a${char(point)}31mb`],
);

const sequences: readonly (readonly [string, string])[] = [
  ["CSI clear", `${esc}[2J${esc}[H`],
  ["CSI cursor up and erase", `${esc}[5A${esc}[2K`],
  ["CSI conceal", `${esc}[8mhidden${esc}[0m`],
  ["CSI colour that stays", `${esc}[31;5;7m`],
  ["CSI colour with colons", `${esc}[38:2::255:0:0m`],
  ["CSI alternate screen off", `${esc}[?1049l`],
  ["CSI mouse on", `${esc}[?1000h${esc}[?1006h`],
  ["CSI bracketed paste off", `${esc}[?2004l`],
  ["CSI synchronized output that never ends", `${esc}[?2026h`],
  ["CSI report cursor", `${esc}[6n`],
  ["CSI device attributes", `${esc}[c${esc}[>c`],
  ["CSI window title report", `${esc}[21t`],
  ["CSI resize", `${esc}[8;5;5t`],
  ["CSI scroll region", `${esc}[1;3r`],
  ["CSI insert lines", `${esc}[9L`],
  ["CSI in eight bits", `${csi8}2J${csi8}H`],
  ["CSI unfinished", `${esc}[38;5`],
  ["CSI with 10,000 parameters", `${esc}[${"1;".repeat(10_000)}m`],
  ["OSC 0 title", `${esc}]0;owned${bel}`],
  ["OSC 2 title, ST", `${esc}]2;owned${st}`],
  ["OSC 4 palette", `${esc}]4;1;#000000${bel}`],
  ["OSC 8 link", `${esc}]8;;https://evil.example/${st}click${esc}]8;;${st}`],
  ["OSC 8 with a file", `${esc}]8;;file:///etc/passwd${bel}x${esc}]8;;${bel}`],
  ["OSC 9 notification", `${esc}]9;your password ran out${bel}`],
  ["OSC 10 query", `${esc}]10;?${bel}`],
  ["OSC 50 font", `${esc}]50;?${bel}`],
  ["OSC 52 clipboard", `${esc}]52;c;cm0gLXJmIH4=${bel}`],
  ["OSC 52 query", `${esc}]52;c;?${st}`],
  ["OSC 1337 file", `${esc}]1337;File=inline=1:AAAA${bel}`],
  ["OSC in eight bits", `${osc8bit}52;c;AAAA${char(0x9c)}`],
  ["OSC unfinished", `${esc}]0;owned`],
  ["DCS", `${esc}P+q544e${st}`],
  ["DCS tmux pass-through", `${esc}Ptmux;${esc}${esc}]52;c;AAAA${bel}${st}`],
  ["DCS sixel", `${esc}Pq#0;2;0;0;0~~${st}`],
  ["APC kitty image", `${esc}_Ga=T;AAAA${st}`],
  ["PM", `${esc}^x${st}`],
  ["SOS", `${esc}Xx${st}`],
  ["RIS reset", `${esc}c`],
  ["DECALN", `${esc}#8`],
  ["charset shift", `${esc}(0lqqk${char(0x0e)}`],
  ["keypad", `${esc}=${esc}>`],
  ["save and restore cursor", `${esc}7${esc}8`],
  ["screen title", `${esc}kowned${st}`],
];

const unicode: readonly (readonly [string, string])[] = [
  ["RLO", `safe${char(0x202e)}txt.exe`],
  ["LRO PDF", `${char(0x202d)}abc${char(0x202c)}`],
  ["isolates", `${char(0x2066)}a${char(0x2067)}b${char(0x2068)}c${char(0x2069)}`],
  ["ALM LRM RLM", `a${char(0x061c, 0x200e, 0x200f)}b`],
  ["zero width space", `ad${char(0x200b)}min`],
  ["ZWNJ and ZWJ", `ad${char(0x200c)}mi${char(0x200d)}n`],
  ["word joiner", `ad${char(0x2060)}min`],
  ["BOM", `${char(0xfeff)}admin`],
  ["soft hyphen", `ad${char(0xad)}min`],
  ["Mongolian vowel separator", `ad${char(0x180e)}min`],
  ["Hangul filler", `ad${char(0x3164)}min`],
  ["combining grapheme joiner", `ad${char(0x34f)}min`],
  ["tags", `x${char(...[..."ignore all"].map((one) => 0xe0000 + (one.codePointAt(0) ?? 0)))}`],
  ["variation selectors", `a${char(0xfe00)}b${char(0xfe0f)}c${char(0xe0100)}`],
  ["emoji with VS16", char(0x2764, 0xfe0f, 0x31, 0xfe0f, 0x20e3)],
  ["family with ZWJ", char(0x1f468, 0x200d, 0x1f469, 0x200d, 0x1f467)],
  ["flags", char(0x1f1e9, 0x1f1ea, 0x1f1eb, 0x1f1f7)],
  ["half a flag", char(0x1f1e9)],
  ["skin tones", char(0x1f44d, 0x1f3ff, 0x1f3fb)],
  ["wide", "日本語ツール名前".repeat(3)],
  ["wide with an odd column", `a${"漢".repeat(60)}`],
  ["halfwidth katakana and fullwidth", "ﾃｽﾄＡＢＣ"],
  ["Hangul jamo", char(0x1112, 0x1161, 0x11ab, 0x1100)],
  ["Thai", "ทดสอบ"],
  ["Devanagari", "क्षत्रिय"],
  ["Arabic with marks", "مُحَمَّد"],
  ["Hebrew", "שלום עולם"],
  ["one combining flood", `Z${char(0x0335).repeat(400)}`],
  ["combining without a base", char(0x0301).repeat(30)],
  ["each letter with marks", [..."terminal"].map((one) => one + char(0x0310, 0x0323)).join("")],
  ["lone high surrogate", `a${String.fromCharCode(0xd83d)}b`],
  ["lone low surrogate", `a${String.fromCharCode(0xde00)}b`],
  ["surrogates in the wrong order", String.fromCharCode(0xde00, 0xd83d)],
  ["noncharacters", char(0xffff, 0xfdd0, 0x1fffe)],
  ["private use", char(0xe000, 0xf8ff, 0xf0000)],
  ["line and paragraph separators", `a${char(0x2028)}b${char(0x2029)}c`],
  ["interlinear annotation", `a${char(0xfff9)}b${char(0xfffa)}c${char(0xfffb)}`],
  ["musical controls", `a${char(0x1d173)}b${char(0x1d17a)}`],
  ["braille", char(0x2800, 0x28ff)],
  ["our own glyphs", "● ▲ ○ █░ ─│ … > ["],
];

const texts: readonly (readonly [string, string])[] = [
  ["newlines", "one\ntwo\r\nthree\rfour"],
  ["a fake row of the screen", "x\n─ Recent ── ok ─\n> 14:22:07 files/read_file ok"],
  ["tabs", "a\tb\t\tc"],
  ["backspaces", `denied${char(8).repeat(6)}ok    `],
  ["very long", "x".repeat(100_000)],
  ["very long and wide", "界".repeat(20_000)],
  ["very long without end", `${esc}]52;c;${"A".repeat(50_000)}`],
  ["spaces", " ".repeat(500)],
  ["empty", ""],
  ["names of JavaScript", "__proto__ constructor toString hasOwnProperty"],
  ["shell", "$(reboot) `reboot` ; rm -rf ~ # ' \" \\"],
  ["format", "%s%n%x {0} {{x}} ${y}"],
  ["markup", "<b>bold</b> [link](https://evil.example) &lt;"],
];

export const hostileTexts: readonly (readonly [name: string, text: string])[] = [
  ...c0,
  ...c1,
  ...sequences,
  ...unicode,
  ...texts,
];

function hex(point: number): string {
  return point.toString(16).padStart(2, "0");
}

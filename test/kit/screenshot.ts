/**
 * Makes the pictures of docs/pictures from the screens of the demo: cells → SVG → PNG, by
 * `rsvg-convert` (Debian: librsvg2-bin, fonts-dejavu-core). `npx bun test/kit/screenshot.ts`
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import stringWidth from "string-width";
import type { Line, Tone } from "../../tui/cells.ts";
import type { Size } from "../../tui/screen.ts";
import { withPalette } from "./png.ts";
import { draw, type Shot, shots } from "./tui-screens.ts";

const size: Size = { columns: 120, rows: 30 };
const pictures = ["calls", "servers", "tools", "health-database-gone"];

/** Pixels of a cell; DejaVu Sans Mono at 14 px is 8.43 wide. */
const cell = { width: 8.43, height: 18, font: 14, base: 13.5 };
const margin = 10;

const colours: Readonly<Record<Tone, string>> = {
  ...{ plain: "#d5dbe1", strong: "#ffffff", picked: "#ffffff", dim: "#7f8a96" },
  ...{ ok: "#62d196", bad: "#ff6f6f", warn: "#f2c55c", info: "#62c6e6", cursor: "#0e1318" },
};
const ground = "#0e1318";

/** A screen as a picture: lines and bars are drawn, so that they meet whatever the font. */
export function svgOf(lines: readonly Line[], { columns, rows }: Size): string {
  const width = Math.ceil(columns * cell.width + 2 * margin);
  const height = rows * cell.height + 2 * margin;
  const body = lines.map((line, row) => lineSvg(line, margin + row * cell.height)).join("\n");
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `shape-rendering="crispEdges" ` +
    `font-family="DejaVu Sans Mono, monospace" font-size="${cell.font}">\n` +
    `<rect width="${width}" height="${height}" rx="6" fill="${ground}"/>\n${body}\n</svg>\n`
  );
}

function lineSvg(line: Line, top: number): string {
  const parts: string[] = [];
  let column = 0;
  for (const { text, tone } of line) {
    for (const one of text) {
      const x = margin + column * cell.width;
      const wide = stringWidth(one);
      if (tone === "cursor") parts.push(box(x, top, cell.width, cell.height, colours.plain));
      if (one !== " ") parts.push(glyph(one, x, top, tone));
      column += wide;
    }
  }
  return parts.join("");
}

const steps = "▁▂▃▄▅▆▇█";

function glyph(one: string, x: number, top: number, tone: Tone): string {
  const colour = colours[tone];
  const step = steps.indexOf(one);
  const { width, height } = cell;
  if (step >= 0) {
    const high = ((step + 1) / steps.length) * (height - 4);
    return box(x, top + height - 2 - high, width, high, colour);
  }
  if (one === "░") return box(x, top + 2, width, height - 4, `${colour}" fill-opacity="0.2`);
  if (one === "▏") return box(x, top + 2, 1.5, height - 4, colour);
  if (one === "─") return box(x, top + height / 2 - 0.5, width, 1, colour);
  if (one === "│") return box(x + width / 2 - 0.5, top, 1, height, colour);
  const weight = tone === "strong" || tone === "picked" ? ' font-weight="bold"' : "";
  const at = `x="${x.toFixed(2)}" y="${(top + cell.base).toFixed(1)}"`;
  return `<text ${at} fill="${colour}"${weight}>${escaped(one)}</text>`;
}

function box(x: number, y: number, width: number, height: number, fill: string): string {
  const place = `x="${x.toFixed(2)}" y="${y.toFixed(2)}"`;
  // A hair wider: neighbours must not show a seam.
  return `<rect ${place} width="${(width + 0.1).toFixed(2)}" height="${height.toFixed(2)}" fill="${fill}"/>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function shotOf(name: string): Shot {
  const shot = shots.find((one) => one.name === name);
  if (shot === undefined) throw new Error(`there is no screen ${name}`);
  return shot;
}

if (import.meta.main) {
  const folder = join(import.meta.dirname, "../../docs/pictures");
  mkdirSync(folder, { recursive: true });
  for (const name of pictures) {
    const file = join(folder, `${name}.png`);
    const input = svgOf(draw(shotOf(name), size), size);
    const made = spawnSync("rsvg-convert", ["--zoom", "1.5"], { input, maxBuffer: 64 * 1024 ** 2 });
    if (made.status !== 0) {
      process.stderr.write(
        `rsvg-convert failed: ${made.error?.message ?? made.stderr.toString()}\n` +
          "Try: apt-get install librsvg2-bin fonts-dejavu-core\n",
      );
      process.exit(1);
    }
    writeFileSync(file, withPalette(made.stdout));
    process.stdout.write(`${file}\n`);
  }
}

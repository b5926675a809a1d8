/** A picture of few colours as a PNG with a palette: a fifth of what a renderer writes. */

import { crc32, deflateSync, inflateSync } from "node:zlib";

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Four bytes each: red, green, blue, opacity. */
  readonly data: Uint8Array;
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Takes 8 bit RGBA without interlacing, as rsvg-convert makes it. Colours are rounded. */
export function withPalette(png: Buffer): Buffer {
  const { width, height, data } = decode(png);
  const counts = new Map<number, number>();
  for (let at = 0; at < data.length; at += 4) {
    const colour = colourAt(data, at);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256);
  const palette = most.map(([colour]) => colour);
  const indexes = new Map(palette.map((colour, at) => [colour, at]));
  const rows = Buffer.alloc(height * (width + 1));
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const colour = colourAt(data, (row * width + column) * 4);
      let index = indexes.get(colour);
      if (index === undefined) {
        index = nearest(colour, palette);
        indexes.set(colour, index);
      }
      rows[row * (width + 1) + 1 + column] = index;
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from(signature),
    chunk("IHDR", head),
    chunk("PLTE", Buffer.from(palette.flatMap((one) => [one >> 16, (one >> 8) & 255, one & 255]))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** On black where it is not opaque, each part rounded to 16 steps. */
function colourAt(data: Uint8Array, at: number): number {
  const opacity = (data[at + 3] ?? 255) / 255;
  const part = (offset: number) => Math.round(((data[at + offset] ?? 0) * opacity) / 17) * 17;
  return (part(0) << 16) | (part(1) << 8) | part(2);
}

function nearest(colour: number, palette: readonly number[]): number {
  const far = (one: number) =>
    [16, 8, 0].reduce((sum, shift) => {
      const difference = ((one >> shift) & 255) - ((colour >> shift) & 255);
      return sum + difference * difference;
    }, 0);
  return palette.reduce((best, one, at) => (far(one) < far(palette[best] ?? 0) ? at : best), 0);
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length, 0);
  frame.set(body, 4);
  frame.writeUInt32BE(crc32(body), body.length + 4);
  return frame;
}

function decode(png: Buffer): Pixels {
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const name = png.toString("latin1", at + 4, at + 8);
    if (name === "IDAT") parts.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  if (png[24] !== 8 || png[25] !== 6 || png[28] !== 0) throw new Error("not 8 bit RGBA");
  return { width, height, data: unfiltered(inflateSync(Buffer.concat(parts)), width, height) };
}

/** Each row says how its bytes differ from the bytes left of them and above (PNG, chapter 9). */
function unfiltered(raw: Buffer, width: number, height: number): Uint8Array {
  const stride = width * 4;
  const data = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const kind = raw[row * (stride + 1)];
    for (let at = 0; at < stride; at++) {
      const to = row * stride + at;
      const left = at < 4 ? 0 : (data[to - 4] ?? 0);
      const above = row === 0 ? 0 : (data[to - stride] ?? 0);
      const corner = at < 4 || row === 0 ? 0 : (data[to - stride - 4] ?? 0);
      const guesses = [0, left, above, (left + above) >> 1, paeth(left, above, corner)];
      data[to] = (raw[row * (stride + 1) + 1 + at] ?? 0) + (guesses[kind ?? 0] ?? 0);
    }
  }
  return data;
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

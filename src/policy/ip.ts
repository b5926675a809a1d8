/** IP addresses and ranges in their usual spelling: nothing that needs guessing is an address. */

import ipaddr from "ipaddr.js";
import { no, ok, type Result } from "../base/result.ts";

/** 4 or 16 octets; an IPv4 address inside IPv6 (::ffff:0:0/96) is its 4 octets. */
export type Address = readonly number[];

export interface Range {
  readonly base: Address;
  readonly bits: number;
}

/** `1.2.3.4` with decimal octets without leading zeros, or RFC 4291 text; else undefined. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(":")) return parseV4(text);
  const octets = parseV6(text);
  if (octets === undefined) return undefined;
  return isMapped(octets) ? octets.slice(12) : octets;
}

/** `10.0.0.0/8` or a single address; the bits after the prefix must be zero. */
export function parseRange(text: string): Result<Range, string> {
  const slash = text.indexOf("/");
  const base = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (base === undefined) return no("is not an IP address or range");
  if (slash === -1) return ok({ base, bits: base.length * 8 });
  const bits = decimal(text.slice(slash + 1), 128);
  if (bits === undefined || bits > base.length * 8) return no("has a bad prefix length");
  const zeroed = base.map((octet, index) => octet & mask(bits, index));
  if (zeroed.every((octet, index) => octet === base[index])) return ok({ base, bits });
  return no(`has bits after the prefix: ${print(zeroed)}/${bits} is the whole range`);
}

export function inRange(address: Address, range: Range): boolean {
  if (address.length !== range.base.length) return false;
  return address.every(
    (octet, index) => ((octet ^ range.base[index]!) & mask(range.bits, index)) === 0,
  );
}

/** Not an address of the public internet (P23): loopback, private, link-local, reserved … */
export function isPrivate(address: Address): boolean {
  if (address.length === 4) return new ipaddr.IPv4([...address]).range() !== "unicast";
  // Outside 2000::/3 nothing is assigned to the public internet, RFC 4291 2.4.
  if ((address[0]! & 0xe0) !== 0x20) return true;
  return new ipaddr.IPv6([...address]).range() !== "unicast";
}

function parseV4(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const octets: number[] = [];
  for (const part of parts) {
    const octet = decimal(part, 255);
    if (octet === undefined) return undefined;
    octets.push(octet);
  }
  return octets;
}

function parseV6(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** Octets of the groups on one side of `::`; only the last side may end in an IPv4 address. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const octets: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && part.includes(".")) {
      const v4 = parseV4(part);
      if (v4 === undefined) return undefined;
      octets.push(...v4);
      continue;
    }
    const group = hex(part);
    if (group === undefined) return undefined;
    octets.push(group >> 8, group & 0xff);
  }
  return octets;
}

function isMapped(octets: Address): boolean {
  return (
    octets.slice(0, 10).every((octet) => octet === 0) && octets[10] === 255 && octets[11] === 255
  );
}

function decimal(text: string, most: number): number | undefined {
  if (text.length === 0 || text.length > 3 || (text.length > 1 && text[0] === "0"))
    return undefined;
  let number = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number <= most ? number : undefined;
}

function hex(text: string): number | undefined {
  if (text.length === 0 || text.length > 4) return undefined;
  let number = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = "0123456789abcdef".indexOf(text[index]!.toLowerCase());
    if (digit === -1) return undefined;
    number = number * 16 + digit;
  }
  return number;
}

/** The bits of octet `index` that a prefix covers. */
function mask(bits: number, index: number): number {
  const covered = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - covered)) & 0xff;
}

function print(address: Address): string {
  return address.length === 4 ? address.join(".") : new ipaddr.IPv6([...address]).toString();
}

/** Which addresses the gateway opens connections to (U1, U2). */

import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { Lookup } from "../base/ports.ts";

/**
 * As resolveHost, for one server again and again: a name that had public addresses is never dialled
 * inside afterwards, whatever its DNS says by then (U2).
 */
export function addressesOf(
  host: string,
  allowLinkLocal: boolean,
  lookup: Lookup,
): () => Promise<readonly string[]> {
  let wasPublic = false;
  return async () => {
    const found = await resolveHost(host, allowLinkLocal, lookup);
    const open = found.filter(isPublic);
    if (!wasPublic) {
      wasPublic = open.length === found.length;
      return found;
    }
    if (open.length > 0) return open;
    const inside = `${found.join(", ")} is not public`;
    throw new Error(`${inside}, which is no server's address where ${host} had public ones before`);
  };
}

/**
 * The addresses of a host name that may be dialled, in the order to try; these very addresses are
 * dialled, the name is not resolved again (U2). Rejects when there is none, saying why.
 */
export async function resolveHost(
  host: string,
  allowLinkLocal: boolean,
  lookup: Lookup,
): Promise<readonly string[]> {
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  const found = isIP(bare) === 0 ? await lookup(bare) : [bare];
  const refusals: string[] = [];
  const usable = found.filter((address) => {
    const refusal = refusalOf(address, allowLinkLocal);
    if (refusal !== undefined) refusals.push(`${address} is ${refusal}`);
    return refusal === undefined;
  });
  if (usable.length === 0) {
    throw new Error(refusals.length > 0 ? refusals.join(", ") : `${bare} has no address`);
  }
  return usable;
}

/** Services of clouds that hand out credentials to whoever can reach them. */
const metadata = new Set([
  ...["169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16"],
  ...["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"],
]);

/**
 * Why an address that the operator wrote is not dialled; undefined when it may be. Loopback and
 * private ones may: the operator wrote them.
 */
export function refusalOf(text: string, allowLinkLocal: boolean): string | undefined {
  if (!ipaddr.isValid(text)) return "not an IP address";
  const address = embedded(ipaddr.parse(text));
  const range = address.range();
  if (range === "linkLocal" || metadata.has(address.toString())) {
    return allowLinkLocal ? undefined : "link-local or cloud metadata (allow_link_local is false)";
  }
  if (range === "unicast" && !isGlobal(address)) return "reserved, which is no server's address";
  return dialled.has(range) ? undefined : `${range}, which is no server's address`;
}

function isPublic(text: string): boolean {
  const address = embedded(ipaddr.parse(text));
  return address.range() === "unicast" && !metadata.has(address.toString());
}

/** Of IPv6 only 2000::/3 is given out: what is outside may be an old way to write IPv4 (::/96). */
function isGlobal(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.kind() === "ipv4" || ((address as ipaddr.IPv6).parts[0] ?? 0) >> 13 === 1;
}

const dialled = new Set<string>([
  ...["unicast", "private", "loopback", "uniqueLocal", "carrierGradeNat"],
]);

/** The IPv4 address inside an IPv6 one that only wraps it: ::ffff:0:0/96 and 64:ff9b::/96. */
function embedded(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address.kind() === "ipv4") return address;
  const six = address as ipaddr.IPv6;
  if (six.isIPv4MappedAddress()) return six.toIPv4Address();
  if (six.range() === "rfc6052") return new ipaddr.IPv4(six.toByteArray().slice(12));
  return six;
}

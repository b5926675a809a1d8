/** What a key may be called and which roles there are. */

import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Random } from "../base/ports.ts";

export const roleNames = ["admin", "operator", "executor", "viewer"] as const;

const idPrefix = "k-";
const idBytes = 6;

/** `k-` and 12 hex digits; no name has this form. */
export function newKeyId(random: Random): string {
  return idPrefix + Buffer.from(random.bytes(idBytes)).toString("hex");
}

/** The roles without doubles, in order; throws GW_USAGE on none or an unknown one. */
export function checkRoles(roles: readonly string[]): readonly string[] {
  const known: readonly string[] = roleNames;
  const wrong = roles.find((role) => !known.includes(role));
  if (wrong === undefined && roles.length > 0) return known.filter((role) => roles.includes(role));
  const message = wrong === undefined ? "A key needs a role" : `No role is called "${clip(wrong)}"`;
  throw fault("GW_USAGE", { message, fix: `roles are ${known.join(", ")}` });
}

/** 1 to 64 of `a-z A-Z 0-9 . _ - @`, not beginning with `-` or like an id; throws GW_USAGE. */
export function checkName(name: string): string {
  const fits =
    name.length > 0 && name.length <= limits.keyNameChars && [...name].every(isNameCharacter);
  if (fits && !name.startsWith("-") && !looksLikeId(name)) return name;
  throw fault("GW_USAGE", {
    message: `A key cannot be called "${clip(name)}"`,
    fix: `use 1 to ${limits.keyNameChars} letters, digits and . _ @ -, not beginning with - or k-`,
  });
}

function looksLikeId(name: string): boolean {
  return name.startsWith(idPrefix);
}

function isNameCharacter(character: string): boolean {
  const lower = character.toLowerCase();
  if (character.length === 1 && lower >= "a" && lower <= "z") return true;
  return (character >= "0" && character <= "9") || "._-@".includes(character);
}

function clip(text: string): string {
  return text.slice(0, limits.keyNameChars);
}

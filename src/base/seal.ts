/**
 * Text that only this gateway, or another with the same seal key, can make and read: session ids,
 * cursors, requestState, task ids. What is sealed is bound to a purpose and to its owner, so that
 * a stranger's is as unreadable as a forged one (F14 to F16, F23).
 */

import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { Random } from "./ports.ts";

export type SealPurpose = "session" | "cursor" | "request-state" | "task";

export interface Sealer {
  /** base64url text. `owner`: who may open it, a key id as a rule. */
  seal(purpose: SealPurpose, owner: string, payload: string): string;
  /** undefined for whatever was not sealed with this key for this purpose and owner. */
  open(purpose: SealPurpose, owner: string, sealed: string): string | undefined;
}

/** `key`: at least 32 random bytes, kept like a password. */
export function createSealer(key: Uint8Array, random: Random): Sealer {
  if (key.length < 32) throw new Error("a seal key has at least 32 bytes");
  return {
    seal(purpose, owner, payload) {
      const salt = random.bytes(saltBytes);
      const { secret, nonce } = derive(key, salt, purpose);
      const cipher = createCipheriv("aes-256-gcm", secret, nonce);
      cipher.setAAD(Buffer.from(`${purpose}\0${owner}`));
      const sealed = [salt, cipher.update(payload, "utf8"), cipher.final(), cipher.getAuthTag()];
      return Buffer.concat(sealed).toString("base64url");
    },
    open(purpose, owner, sealed) {
      const bytes = Buffer.from(sealed, "base64url");
      if (bytes.length < saltBytes + tagBytes) return undefined;
      // Buffer skips what is no base64url, so one payload would have many names.
      if (bytes.toString("base64url") !== sealed) return undefined;
      const { secret, nonce } = derive(key, bytes.subarray(0, saltBytes), purpose);
      const cipher = createDecipheriv("aes-256-gcm", secret, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(`${purpose}\0${owner}`));
      cipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
      try {
        const text = cipher.update(bytes.subarray(saltBytes, bytes.length - tagBytes));
        return Buffer.concat([text, cipher.final()]).toString("utf8");
      } catch {
        // The tag does not fit: forged, of another owner or purpose, or of another key.
        return undefined;
      }
    },
  };
}

const saltBytes = 16;
const tagBytes = 16;

/** A key of its own for each text: random nonces under one key would run out (NIST SP 800-38D). */
function derive(key: Uint8Array, salt: Uint8Array, purpose: SealPurpose) {
  const bytes = Buffer.from(hkdfSync("sha256", key, salt, `authensor-gw ${purpose}`, 44));
  return { secret: bytes.subarray(0, 32), nonce: bytes.subarray(32) };
}

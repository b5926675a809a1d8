/**
 * What a server says of itself (its stderr, why it refused) may repeat what the gateway gave it:
 * people who may look are not people who may have that (T10, U25).
 */

import { isSecretName } from "../base/secret-names.ts";
import type { ServerSettings } from "./settings.ts";

/** The text without the secrets that the config gives this server. */
export function withoutSecrets(transport: ServerSettings["transport"]): (text: string) => string {
  const found = transport.kind === "stdio" ? ofChild(transport) : ofHttp(transport);
  // The longer one first: it may hold the other.
  const secrets = [...new Set(found)]
    .filter((secret) => secret.length >= leastLength)
    .sort((a, b) => b.length - a.length);
  if (secrets.length === 0) return (text) => text;
  return (text) => secrets.reduce((safe, secret) => safe.replaceAll(secret, hidden), text);
}

const hidden = "[hidden]";
/** Shorter ones are words like "true", and would hide what people need to read. */
const leastLength = 6;

type Child = Extract<ServerSettings["transport"], { kind: "stdio" }>;
type Http = Extract<ServerSettings["transport"], { kind: "http" }>;

function ofChild({ env, command }: Child): readonly string[] {
  const named = Object.entries(env).flatMap(([name, value]) =>
    isSecretName(name) ? [value] : ofUrl(value),
  );
  return [...named, ...command.flatMap((word, at) => ofWord(word, command[at - 1]))];
}

/** `--api-key=x` and what follows `--token`. */
function ofWord(word: string, before: string | undefined): readonly string[] {
  const equals = word.indexOf("=");
  if (equals > 0 && isSecretName(word.slice(0, equals))) return [word.slice(equals + 1)];
  const follows = before?.startsWith("-") === true && !before.includes("=") && isSecretName(before);
  return follows ? [word] : ofUrl(word);
}

/** A header's value, and its part after `Bearer`. */
function ofHttp({ url, headers }: Http): readonly string[] {
  const values = Object.entries(headers).flatMap(([name, value]) =>
    isSecretName(name) ? [value, value.slice(value.lastIndexOf(" ") + 1)] : [],
  );
  return [...values, ...ofUrl(url)];
}

/** `postgres://user:password@…`, `https://…?token=…`. */
function ofUrl(text: string): readonly string[] {
  if (!text.includes("://") || !URL.canParse(text)) return [];
  const { password, searchParams } = new URL(text);
  const queries = [...searchParams].flatMap(([name, value]) => (isSecretName(name) ? [value] : []));
  return [password, decoded(password), ...queries];
}

function decoded(password: string): string {
  try {
    return decodeURIComponent(password);
  } catch {
    // A `%` that stands for itself.
    return password;
  }
}

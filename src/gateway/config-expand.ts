/** `${…}` in config values: environment, files and credentials. One pass, never twice (U7). */

import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { limits } from "../base/limits.ts";

/** What a reference was: shown as the origin of a value, never with the value. */
export interface Expanded {
  readonly text: string;
  /** `${VAR}`, `${cred:github}`: as written. */
  readonly references: readonly string[];
}

export interface ExpandFailure {
  readonly code: "GW_VARIABLE" | "GW_SECRET_MODE" | "GW_CONFIG";
  readonly message: string;
  readonly fix: string;
}

export interface ExpandOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of the config file: relative paths start there. */
  readonly folder: string;
  /** Told each file that is read, or should be. */
  readonly seen?: (file: string) => void;
}

/**
 * Replaces `${VAR}`, `${VAR:-default}`, `${env:VAR}`, `${file:path}` and `${cred:name}`;
 * `$${` stands for `${`. Failures are collected: one text can have several.
 */
export function expand(
  text: string,
  options: ExpandOptions,
  failed: (failure: ExpandFailure) => void,
): Expanded {
  const references: string[] = [];
  let result = "";
  let at = 0;
  for (;;) {
    const open = text.indexOf("${", at);
    if (open === -1) return { text: result + text.slice(at), references };
    if (text[open - 1] === "$") {
      result += `${text.slice(at, open - 1)}\${`;
      at = open + 2;
      continue;
    }
    result += text.slice(at, open);
    const close = text.indexOf("}", open);
    if (close === -1) {
      failed(malformed(text.slice(open), "the closing } is missing"));
      return { text: result, references };
    }
    references.push(text.slice(open, close + 1));
    const value = resolve(text.slice(open + 2, close), options);
    if (typeof value === "string") result += value;
    else failed(value);
    at = close + 1;
  }
}

function resolve(reference: string, options: ExpandOptions): string | ExpandFailure {
  const fallback = reference.indexOf(":-");
  const head = fallback === -1 ? reference : reference.slice(0, fallback);
  const colon = head.indexOf(":");
  const kind = colon === -1 ? "env" : head.slice(0, colon);
  const name = head.slice(colon + 1);
  if (kind === "env") {
    return variable(name, fallback === -1 ? undefined : reference.slice(fallback + 2), options);
  }
  if (kind === "input") return inputRefused(reference);
  if (fallback !== -1) return malformed(`\${${reference}}`, "only variables take a default");
  if (kind === "file") {
    return secretFile(reference, path.resolve(options.folder, name), false, options);
  }
  if (kind === "cred") return credential(reference, name, options);
  return malformed(`\${${reference}}`, `"${kind}:" is not known`);
}

function variable(
  name: string,
  fallback: string | undefined,
  options: ExpandOptions,
): string | ExpandFailure {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return malformed(`\${${name}}`, "a variable's name is letters, digits and _");
  }
  const value = options.env[name];
  // As in a shell, `:-` stands in for an empty variable too.
  if (value !== undefined && (value !== "" || fallback === undefined)) return value;
  if (fallback !== undefined) return fallback;
  return {
    code: "GW_VARIABLE",
    message: `The variable "${name}" is not set`,
    fix: `set ${name} in the gateway's environment, or give a default: \${${name}:-value}`,
  };
}

/** Names are plain, so that no reference can reach another server's folder (U8). */
function credential(
  reference: string,
  name: string,
  options: ExpandOptions,
): string | ExpandFailure {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    return malformed(`\${${reference}}`, "a credential's name is letters, digits, _ and -");
  }
  const systemd = options.env["CREDENTIALS_DIRECTORY"];
  // systemd keeps its folder private by itself; ours must say 0600.
  if (systemd !== undefined && systemd !== "") {
    const found = secretFile(reference, path.join(systemd, name), false, options);
    if (typeof found === "string") return found;
  }
  return secretFile(reference, path.join(options.folder, "credentials", name), true, options);
}

function secretFile(
  reference: string,
  file: string,
  mustBePrivate: boolean,
  { seen }: ExpandOptions,
): string | ExpandFailure {
  seen?.(file);
  let text: string;
  try {
    const info = statSync(file);
    if (mustBePrivate && (info.mode & 0o077) !== 0) {
      const mode = (info.mode & 0o777).toString(8).padStart(4, "0");
      return {
        code: "GW_SECRET_MODE",
        message: `"\${${reference}}" names "${file}", which others may read (mode ${mode})`,
        fix: `chmod 600 ${file}`,
      };
    }
    if (!info.isFile() || info.size > limits.secretBytes) return missing(reference, file, "EFBIG");
    text = readFileSync(file, "utf8");
  } catch (thrown) {
    return missing(reference, file, (thrown as NodeJS.ErrnoException).code ?? "unreadable");
  }
  // Editors and `echo` end a file with a line feed that is no part of the secret.
  if (text.endsWith("\r\n")) return text.slice(0, -2);
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

function missing(reference: string, file: string, cause: string): ExpandFailure {
  return {
    code: "GW_VARIABLE",
    message: `"\${${reference}}" names "${file}", which cannot be read (${cause})`,
    fix: `make the file ${file} with mode 0600 and the gateway's user as owner`,
  };
}

function inputRefused(reference: string): ExpandFailure {
  return {
    code: "GW_CONFIG",
    message: `"\${${reference}}" asks a person for a value, which a gateway cannot`,
    fix: "write ${VAR} or ${cred:name} and put the value there",
  };
}

function malformed(reference: string, cause: string): ExpandFailure {
  return {
    code: "GW_CONFIG",
    message: `Cannot expand "${reference}": ${cause}`,
    fix: "write ${VAR}, ${VAR:-default}, ${file:path} or ${cred:name}; $${ stands for a plain ${",
  };
}

/** What both transports say and hear in a handshake, for either era. */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { printable } from "../base/printable.ts";
import type { StrictBody } from "../protocol/message.ts";
import { legacyRevisions, modernRevision } from "../protocol/versions.ts";
import { ConnectError } from "./link.ts";
import type { Identity, Offer } from "./settings.ts";
import type { ServerHello } from "./upstream.ts";

/** Params of `initialize`. Without an offer no client can be asked: the gateway's own requests. */
export function initializeParams(identity: Identity, offer: Offer | undefined): string {
  const version = JSON.stringify(legacyRevisions[0]);
  const capabilities = offer?.capabilities ?? "{}";
  const clientInfo = JSON.stringify(identity);
  return `{"protocolVersion":${version},"capabilities":${capabilities},"clientInfo":${clientInfo}}`;
}

/** The `_meta` value that each of our own modern requests carries. */
export function modernMeta(identity: Identity): string {
  return JSON.stringify({
    "io.modelcontextprotocol/protocolVersion": modernRevision,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": identity,
  });
}

/** Throws ConnectError when the server answered with an error, or a version we do not speak. */
export function helloOfInitialize(body: StrictBody): ServerHello {
  const result = resultOf(body, "initialize");
  const protocol = member(result, "protocolVersion");
  if (typeof protocol !== "string" || !legacyRevisions.includes(protocol)) {
    throw new ConnectError(`it answers initialize with version ${shown(protocol)}`);
  }
  return {
    era: "legacy",
    protocol,
    ...identityOf(member(result, "serverInfo")),
    capabilities: objectOf(member(result, "capabilities")),
    instructions: textOf(member(result, "instructions")),
  };
}

/** As helloOfInitialize, for `server/discover`. */
export function helloOfDiscover(body: StrictBody): ServerHello {
  const result = resultOf(body, "server/discover");
  const versions = member(result, "supportedVersions");
  if (!Array.isArray(versions) || !versions.includes(modernRevision)) {
    throw new ConnectError(`it does not speak ${modernRevision} but ${shown(versions)}`);
  }
  const meta = objectOf(member(result, "_meta"));
  return {
    era: "modern",
    protocol: modernRevision,
    ...identityOf(member(meta, "io.modelcontextprotocol/serverInfo")),
    capabilities: objectOf(member(result, "capabilities")),
    instructions: textOf(member(result, "instructions")),
  };
}

/**
 * What an answer to the probe `server/discover` proves: a modern server, or an older one. Errors
 * other than the modern ones say nothing but that the method is unknown.
 */
export function eraOfProbe(body: StrictBody): "modern" | "legacy" {
  const result = member(body.value, "result");
  if (isObject(result)) {
    return Array.isArray(member(result, "supportedVersions")) ? "modern" : "legacy";
  }
  const code = errorCode(body);
  return code !== undefined && modernErrors.has(code) ? "modern" : "legacy";
}

/** HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion. */
const modernErrors: ReadonlySet<number> = new Set([-32020, -32021, -32022]);

/** UnsupportedProtocolVersion, with ours among those it supports (2026-07-28, versioning). */
export function refusesButSpeaks(body: StrictBody): boolean {
  if (errorCode(body) !== -32022) return false;
  const data = objectOf(member(objectOf(member(body.value, "error")), "data"));
  const versions = member(data, "supported");
  return Array.isArray(versions) && versions.includes(modernRevision);
}

export function errorCode(body: StrictBody): number | undefined {
  const error = member(body.value, "error");
  const code = isObject(error) ? member(error, "code") : undefined;
  return typeof code === "number" ? code : undefined;
}

/** The error's message, safe to show; empty when there is none. */
export function errorText(body: StrictBody): string {
  const error = member(body.value, "error");
  const message = isObject(error) ? member(error, "message") : undefined;
  return typeof message === "string" ? cut(message) : "";
}

export type ListKind = "tools" | "prompts" | "resources";
export const listKinds: readonly ListKind[] = ["tools", "prompts", "resources"];

/** The lists whose changes the server says it tells. */
export function changingKinds(hello: ServerHello): readonly ListKind[] {
  return listKinds.filter((kind) => {
    const capability = objectOf(member(hello.capabilities, kind));
    return member(capability, "listChanged") === true;
  });
}

/** Params of `subscriptions/listen` for those lists and resources; undefined without any. */
export function listenParams(
  identity: Identity,
  hello: ServerHello,
  uris: ReadonlySet<string>,
): string | undefined {
  const kinds = changingKinds(hello);
  if (kinds.length === 0 && uris.size === 0) return undefined;
  const wanted = {
    ...Object.fromEntries(kinds.map((kind) => [`${kind}ListChanged`, true])),
    ...(uris.size === 0 ? {} : { resourceSubscriptions: [...uris] }),
  };
  return `{"notifications":${JSON.stringify(wanted)},"_meta":${modernMeta(identity)}}`;
}

function resultOf(body: StrictBody, method: string): JsonObject {
  const result = member(body.value, "result");
  if (isObject(result)) return result;
  throw new ConnectError(`it answers ${method} with an error: ${errorText(body)}`);
}

function identityOf(info: Json | undefined): { name: string; version: string } {
  const about = objectOf(info);
  return {
    name: textOf(member(about, "name")) ?? "",
    version: textOf(member(about, "version")) ?? "",
  };
}

const none: JsonObject = {};

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : none;
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function shown(value: Json | undefined): string {
  return cut(value === undefined ? "none" : JSON.stringify(value));
}

/** Text of a server as it may stand in an error or a log line. */
export function cut(text: string): string {
  return printable(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

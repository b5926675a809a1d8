/** The first link as an agent sees it: every door, and what comes through it. */

import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { limits } from "../base/limits.ts";
import type { Config } from "../gateway/config-model.ts";
import { askHttp } from "./ask.ts";
import { attemptsText, connectAll } from "./connect.ts";
import { type Finding, finding } from "./finding.ts";
import { keyFix } from "./key-fix.ts";
import { probeAgent } from "./probe-agent.ts";
import { sinceText } from "./times.ts";
import type { World } from "./world.ts";

export async function checkAgent(world: World): Promise<readonly Finding[]> {
  const { config, gateway, agentKey } = world;
  // Without a gateway there is no door: that is the second link's finding.
  if (config === undefined || gateway.kind !== "up") return [];
  const urls = gateway.status.listen.filter((url) => !url.startsWith("unix:")).map(reachable);
  const doors = await Promise.all(urls.map((url) => door(url)));
  const certificate = config.tls === undefined ? [] : ownCertificate(config, world.nowMs);
  const open = urls.filter((_, index) => doors[index] === undefined);
  const found = [...doors.filter((one) => one !== undefined), ...certificate];
  if (agentKey === undefined && config.auth !== "none") {
    world.note(unchecked);
    return found;
  }
  const first = open[0];
  if (first === undefined) return found;
  const headers: Record<string, string> = {};
  if (agentKey !== undefined) headers["authorization"] = `Bearer ${agentKey.token}`;
  const url = `${first}/mcp`;
  const probed = await probeAgent({
    ...{ url, headers, anyCertificate: true },
    keyFix: (refusal) => keyFix(world, refusal),
  });
  const [refused] = probed.findings;
  if (refused === undefined || agentKey === undefined || !mayBeOthers(agentKey, refused)) {
    return [...found, ...probed.findings];
  }
  if (refused.code !== "GW_ROLE") world.note(`the key of ${agentKey.from}: ${refused.saw}`);
  world.note(unchecked);
  return found;
}

/** A variable may hold an operator's; local.key is of the gateway that `init` was first run for. */
function mayBeOthers(key: NonNullable<World["agentKey"]>, { code }: Finding): boolean {
  if (key.named) return false;
  return code === "GW_ROLE" || (code === "GW_KEY_UNKNOWN" && !key.from.startsWith("$"));
}

const unchecked =
  "key, handshake and tool list were not checked: name an executor key with --key-file FILE or " +
  "$AUTHENSOR_GW_KEY";

/** What is listened on at every address is reached at the loopback one. */
function reachable(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}

async function door(url: string): Promise<Finding | undefined> {
  const { hostname, port } = new URL(url);
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  const attempts = await connectAll([host], Number(port));
  const effect = `agents that use ${url}/mcp cannot connect`;
  if (attempts[0]?.reached !== "open") {
    const saw = attemptsText(attempts, Number(port));
    const cause = "a firewall of this machine, or the listener is gone";
    return finding({ link: "agent", code: "GW_NOT_RUNNING", saw, cause, effect });
  }
  try {
    const answer = await askHttp({ url: `${url}/health`, anyCertificate: true });
    if (answer.status === 200) return undefined;
    const saw = `${url}/health answers HTTP ${answer.status}`;
    return finding({ link: "agent", code: "GW_SILENT", saw, effect });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    const saw = `${url}/health: ${why}`;
    return finding({ link: "agent", code: "GW_SILENT", saw, effect });
  }
}

/** The gateway's own certificate: its time, and the names agents use. */
function ownCertificate(config: Config, nowMs: number): Finding[] {
  const certificate = new X509Certificate(config.tls?.cert ?? "");
  const endsMs = Date.parse(certificate.validTo);
  const names = certificate.subjectAltName ?? certificate.subject;
  const link = "agent";
  if (endsMs < nowMs) {
    const saw = `the gateway's certificate (${names}) has ended`;
    const since = sinceText(endsMs, nowMs);
    const effect = "agents refuse to connect";
    return [finding({ link, code: "GW_TLS", saw, since, effect, fix: renew })];
  }
  const found: Finding[] = [];
  if (endsMs < nowMs + limits.certificateSoonMs) {
    const saw = `the gateway's certificate (${names}) ends at ${certificate.validTo}`;
    const effect = "agents will then refuse to connect";
    found.push(
      finding({ link, severity: "warning", code: "GW_TLS_EXPIRES", saw, effect, fix: renew }),
    );
  }
  const wanted = config.hosts.filter((host) => !covers(certificate, host));
  if (wanted.length > 0) {
    const saw = `the gateway's certificate is for ${names}, not for ${wanted.join(", ")}`;
    const effect = "agents that use these names refuse to connect";
    found.push(finding({ link, code: "GW_TLS", saw, effect, fix: renew }));
  }
  return found;
}

const renew = "renew the certificate of `tls.cert`, then restart the gateway";

function covers(certificate: X509Certificate, host: string): boolean {
  const found = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  return found !== undefined;
}

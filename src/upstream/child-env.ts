import { markName } from "./marked.ts";

/** Names that children get from the gateway's own environment, beside LC_* (U9). */
const passed = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"];

/** A child's whole environment: those names, what its config declares, its mark, nothing else. */
export function childEnvironment(
  own: Readonly<Record<string, string>>,
  declared: Readonly<Record<string, string>>,
  mark: string,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (passed.includes(name) || name.startsWith("LC_")) env[name] = value;
  }
  for (const [name, value] of Object.entries(declared)) env[name] = value;
  env[markName] = mark;
  return env;
}

/** Names of settings, headers and variables whose values nobody is shown. */
export function isSecretName(name: string): boolean {
  const lower = name.toLowerCase();
  return parts.some((part) => lower.includes(part));
}

const parts = ["key", "token", "secret", "pass", "auth", "credential", "cookie"];

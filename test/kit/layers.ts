/** The table of imports: who may import whom. Order is from the ground up. */

/**
 * `may`: folders, or single files, of src that a folder imports. `types`: the same for
 * `import type`, which is erased and so binds nothing at run time. `npm`: what a pure folder may
 * take from outside; undefined: anything but Ink and React.
 */
export interface Layer {
  readonly may: readonly string[];
  readonly types?: readonly string[];
  readonly npm?: readonly string[];
}

const everything = [
  ...["base", "protocol", "access", "policy", "receipt", "audit", "store", "upstream", "catalog"],
  ...["call", "runtime", "front", "admin", "doctor", "policies"],
];

export const layers: Readonly<Record<string, Layer>> = {
  base: { may: [] },
  protocol: { may: ["base"], npm: ["node:crypto", "node:buffer"] },
  policy: { may: ["base"], npm: ["yaml", "re2js", "ipaddr.js", "node:crypto"] },
  receipt: { may: ["base"], types: ["policy"], npm: ["node:crypto", "node:buffer"] },
  access: { may: ["base", "store/store.ts"], types: ["policy/model.ts"] },
  runtime: { may: ["base"] },
  audit: { may: ["base", "receipt", "store/store.ts", "runtime"] },
  store: { may: ["base"], types: ["receipt", "policy", "access/access.ts"] },
  upstream: { may: ["base", "protocol", "runtime"] },
  catalog: {
    may: ["base", "protocol", "policy", "upstream/upstream.ts"],
    types: ["access/access.ts"],
  },
  call: {
    may: ["base", "protocol", "policy", "receipt", "access", "audit", "catalog"],
    types: ["upstream/upstream.ts", "store/store.ts"],
  },
  admin: {
    may: ["base", "policy", "receipt", "store/store.ts"],
    types: ["access/access.ts", "audit/audit.ts", "upstream/upstream.ts"],
  },
  front: {
    may: ["base", "protocol", "call", "admin", "runtime"],
    types: ["access/access.ts", "catalog/catalog.ts"],
  },
  gateway: { may: everything },
  doctor: {
    may: ["base", "protocol", "admin/client.ts", "admin/contract.ts", "gateway", "runtime"],
  },
  cli: {
    may: [
      ...["base", "policy", "receipt", "admin/client.ts", "admin/contract.ts"],
      ...["gateway", "doctor", "runtime", "policies", "protocol/strict-json.ts"],
    ],
    types: ["store/store.ts", "admin/contract-reload.ts", "admin/contract-keys.ts"],
  },
  main: { may: ["cli", "tui"] },
  tui: { may: ["base", "admin/contract.ts", "admin/client.ts"] },
  policies: { may: [] },
};

/** Folders that cannot fail because they can do nothing: no clock, no randomness, no I/O. */
export const pure: readonly string[] = ["protocol", "policy", "receipt"];

/** `src/policy/read.ts` → `policy`, `tui/app.tsx` → `tui`, `src/main.ts` → `main`. */
export function layerOf(path: string): string {
  const parts = path.split("/");
  const name = parts[0] === "src" ? (parts[1] ?? "") : (parts[0] ?? "");
  return name.replace(/\.tsx?$/, "");
}

import type { Lookup } from "../../src/base/ports.ts";

/** Where every host is an address already. */
export const noLookup: Lookup = async (host) => {
  throw new Error(`no name was to be looked up: ${host}`);
};

/** Which build this is. */

import packageJson from "../../package.json" with { type: "json" };

/** Put in by build.ts; absent when running from source. */
declare const GW_COMMIT: string | undefined;

export const version: string = packageJson.version;

/** Short git commit of the build, "source" when it was not built. */
export const commit: string = typeof GW_COMMIT === "undefined" ? "source" : GW_COMMIT;

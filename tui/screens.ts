/** The screens there are, in the order of row 2. A new screen is a file and a line here. */

import type { Screen } from "./screen.ts";
import { calls } from "./view/calls.ts";
import { health } from "./view/health.ts";
import { servers } from "./view/servers.ts";
import { tools } from "./view/tools.ts";

export const screens: readonly Screen[] = [calls, servers, tools, health];

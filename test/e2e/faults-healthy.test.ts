/** Set-ups in which nothing is wrong: no finding of any kind, with any kind of key. */

import { describe } from "bun:test";
import { healthySetups } from "../doctor/healthy.ts";
import { testHealthy } from "../doctor/run.ts";

describe("doctor finds nothing", () => testHealthy(healthySetups));

/** Faults of the gateway itself: what doctor finds, what mends it. */

import { describe } from "bun:test";
import { gatewayFaults } from "../doctor/faults-gateway.ts";
import { testFaults } from "../doctor/run.ts";

describe("the gateway", () => testFaults(gatewayFaults));

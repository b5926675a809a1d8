/** Faults on the way to a server: what doctor finds, what the agent is told, what mends it. */

import { describe } from "bun:test";
import { connectionFaults } from "../doctor/faults-server.ts";
import { testFaults } from "../doctor/run.ts";

describe("gateway to server, the way", () => testFaults(connectionFaults));

/** The requests of the control API that change something. */

import { paths } from "../src/admin/contract.ts";
import type { Action } from "./ui.ts";

export interface ActionRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export function actionRequest(action: Action): ActionRequest {
  switch (action.do) {
    case "cancel":
      return { path: paths.callCancel, body: { call: action.call } };
    case "extend":
      return { path: paths.callExtend, body: { call: action.call, ms: action.ms } };
    default:
      return { path: serverPaths[action.do], body: { server: action.server } };
  }
}

const serverPaths = {
  retry: paths.serverRetry,
  restart: paths.serverRestart,
  enable: paths.serverEnable,
  disable: paths.serverDisable,
} as const;

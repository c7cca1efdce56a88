/** Applications known by name. */
import type { Application } from "./application";
import { openclaw } from "./openclaw";

/** Applications known by name. */
export const APPLICATIONS = { openclaw } as const satisfies Record<string, Application>;

/** Name of a known application. */
export type ApplicationName = keyof typeof APPLICATIONS;

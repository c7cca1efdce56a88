/** The public components. */
// Before anything can fail.
import "./stacks";
export {
    APPLICATIONS,
    type Application,
    type ApplicationName,
} from "./sandbox/applications/application";
export type { Address, Cluster } from "./cluster/cluster";
export { ExistingCluster, type ExistingClusterArgs } from "./cluster/existingCluster";
export { Gateway } from "./gateway/gateway";
export type { GatewayArgs } from "./gateway/args";
export { openclawWith, type OpenClawOptions } from "./sandbox/applications/openclaw";
export type { HostRule } from "../model/hosts";
export {
    OutboundProxy,
    type Outbound,
    type OutboundProxyArgs,
    type OutboundRules,
} from "./outbound/outboundProxy";
export { Sandbox, type SandboxArgs } from "./sandbox/sandbox";

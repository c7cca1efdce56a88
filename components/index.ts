/** The public components. */
// Before anything can fail.
import "./stacks";
export { APPLICATIONS, type Application, type ApplicationName } from "./application";
export type { Address, Cluster } from "./cluster";
export { ExistingCluster, type ExistingClusterArgs } from "./existingCluster";
export { Gateway } from "./gateway";
export type { GatewayArgs } from "./gatewayArgs";
export { openclawWith, type OpenClawOptions } from "./openclaw";
export type { HostRule } from "./outbound/hosts";
export {
    OutboundProxy,
    type Outbound,
    type OutboundProxyArgs,
    type OutboundRules,
} from "./outbound/outboundProxy";
export { Sandbox, type SandboxArgs } from "./sandbox";

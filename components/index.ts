/** The public components, and the types that their arguments use. */
// Before anything can fail.
import "./stacks";
export type { Egress, PodsOf } from "./cluster/networkPolicy";
export type { ArgumentKey } from "./cluster/argumentKey";
export type { Address, Cluster, Gate, ServiceType } from "./cluster/cluster";
export { ExistingCluster, type ExistingClusterArgs } from "./cluster/existingCluster";
export type { OutboundImages } from "./cluster/outboundImages";
export type { GatewayArgs } from "./gateway/args";
export { Gateway } from "./gateway/gateway";
export type { K3sSettings } from "./gateway/k3sConfig";
export type { OutboundProxyArgs, OutboundRules } from "./outbound/args";
export { OutboundProxy, type Outbound } from "./outbound/outboundProxy";
export { APPLICATIONS, type ApplicationName } from "./sandbox/applications";
export type { Application } from "./sandbox/applications/application";
export { openclawWith, type OpenClawOptions } from "./sandbox/applications/openclaw";
export type { ClaimTemplate, Placement, SandboxArgs } from "./sandbox/args";
export { Sandbox } from "./sandbox/sandbox";
export type { HostRule } from "../model/hosts";
export type { PortBlock } from "../model/ports";
export type { Resources } from "../model/resources";

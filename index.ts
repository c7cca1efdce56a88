/** The whole system: settings -> cluster -> sandboxes -> outputs. */
import { ExistingCluster, Gateway, OutboundProxy, Sandbox } from "./components";
import { loadSettings, subnetIsFree, warnOfReachable, warnOfUnprotected } from "./config";
import { existingClusterArgs, gatewayArgs, outboundArgs, sandboxArgs } from "./settings/args";

const settings = loadSettings();
const { existingCluster, protect } = settings;
warnOfUnprotected(settings);
warnOfReachable(settings);

const gateway = existingCluster
    ? undefined
    : new Gateway("gateway", gatewayArgs(settings), {
          protect,
          hooks: { beforeCreate: [subnetIsFree(settings.gateway)] },
      });

const cluster =
    gateway ??
    new ExistingCluster("cluster", existingClusterArgs(settings, existingCluster!), { protect });

const throughProxy = outboundArgs(cluster, settings);
const outbound = throughProxy && new OutboundProxy("outbound", throughProxy);

const declared = Object.entries(settings.sandboxes).map(
    ([name, sandbox]) =>
        [
            name,
            new Sandbox(name, sandboxArgs(cluster, sandbox, outbound?.of(name)), {
                protect: sandbox.protect ?? protect,
            }),
        ] as const,
);

/** Name of the gateway's container, volume and network in Docker. */
export const container = gateway?.dockerName;

/** Name of the gateway's Kubernetes node. */
export const node = gateway?.nodeName;

/** Namespace of the sandboxes. */
export const namespace = cluster.namespace;

/** Administrator's kubeconfig: `pulumi stack output kubeconfig --show-secrets`. */
export const kubeconfig = gateway?.kubeconfig;

/** Names of the sandboxes, also of those without a page: an output leaves out what has no value. */
export const sandboxes = Object.keys(settings.sandboxes);

/** Where each sandbox's page is. */
export const urls = Object.fromEntries(declared.map(([name, { url }]) => [name, url]));

/** The same with the token that lets a browser in: `pulumi stack output tokenUrls --show-secrets`. */
export const tokenUrls = Object.fromEntries(
    declared.map(([name, { tokenUrl }]) => [name, tokenUrl]),
);

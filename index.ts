/** The whole system: settings -> gateway -> sandboxes -> outputs. */
import { Gateway, Sandbox } from "./components";
import { loadSettings } from "./config";
import { gatewayArgs, sandboxArgs } from "./settings/args";

const settings = loadSettings();

const gateway = new Gateway("gateway", gatewayArgs(settings), { protect: settings.protect });

const sandboxes = Object.entries(settings.sandboxes).map(
    ([name, sandbox]) =>
        [
            name,
            new Sandbox(name, sandboxArgs(gateway, sandbox), {
                protect: sandbox.protect ?? settings.protect,
            }),
        ] as const,
);

/** Name of the gateway's container, volume and network in Docker. */
export const container = gateway.dockerName;

/** Name of the Kubernetes node. */
export const node = gateway.nodeName;

/** Administrator's kubeconfig: `pulumi stack output kubeconfig --show-secrets`. */
export const kubeconfig = gateway.kubeconfig;

/** Where each sandbox's page is. */
export const urls = Object.fromEntries(sandboxes.map(([name, { url }]) => [name, url]));

/** The same with the token that lets a browser in: `pulumi stack output tokenUrls --show-secrets`. */
export const tokenUrls = Object.fromEntries(
    sandboxes.map(([name, { tokenUrl }]) => [name, tokenUrl]),
);

/** The Kubernetes API of a gateway: who may ask it, and with what. */
import type * as docker from "@pulumi/docker";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { HANDSHAKE_SECRET, SHARED_LABELS } from "../../model/constants";
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import { clusterIdentifier, dockerName } from "../../model/names";
import { PROVIDER_SETTINGS } from "../cluster/cluster";
import type { GatewayArgs } from "./args";
import type { Identity } from "./identity";
import { renderKubeconfig } from "./kubeconfig";
import type { KeyPair } from "./pki";
import type { GatewayScope } from "./scope";

/** The kubeconfig of a holder of a certificate; secret, and made only of what is in state. */
export function kubeconfigOf(
    { name, apiHost = GATEWAY_DEFAULTS.apiHost, apiPort }: GatewayArgs,
    identity: Identity,
    holder: pulumi.Output<KeyPair>,
): pulumi.Output<string> {
    return pulumi.secret(
        pulumi.all([identity.serverCa, holder]).apply(([serverCa, client]) =>
            renderKubeconfig({
                name: dockerName(name),
                endpoint: `${apiHost}:${apiPort}`,
                serverCa: serverCa.cert,
                client,
            }),
        ),
    );
}

/** Creates the provider of every Kubernetes object in the gateway. @param container of a gateway that runs */
export function createProvider(
    { name, args, gateway }: GatewayScope,
    identity: Identity,
    container: docker.Container | undefined,
): k8s.Provider {
    return new k8s.Provider(
        `${name}-kubernetes`,
        {
            kubeconfig: kubeconfigOf(args, identity, identity.admin),
            clusterIdentifier: clusterIdentifier(args.name),
            // While stopped, what is stored counts. The change of this flag is also what makes the
            // engine open a fresh connection after a start.
            skipUpdateUnreachable: !args.running,
            ...PROVIDER_SETTINGS,
        },
        // Order only: a property of the container in here would replace everything with it.
        { parent: gateway, protect: false, dependsOn: container ? [container] : [] },
    );
}

/** Creates the Secret of the SSH handshake, as upstream has it in each gateway. */
export function createHandshake(
    name: string,
    namespace: pulumi.Output<string>,
    identity: Identity,
    opts: pulumi.CustomResourceOptions,
): void {
    new k8s.core.v1.Secret(
        `${name}-handshake`,
        {
            metadata: { name: HANDSHAKE_SECRET, namespace, labels: SHARED_LABELS },
            stringData: { secret: identity.handshakeSecret },
        },
        opts,
    );
}

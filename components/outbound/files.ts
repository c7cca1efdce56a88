/** What the outbound proxy reads at its start: rules in a ConfigMap, models with their keys in a Secret. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { sortedEntries } from "../../model/ordered";
import { OUTBOUND_NAME, PROXY_FILE } from "../../model/outboundNames";
import { DIGEST_KEY_SUFFIX } from "../../model/stateful";
import { notInternet } from "../cluster/networkPolicy";
import { keyedDigest } from "../digest";
import type { OutboundProxyArgs } from "./args";
import { renderCorefile } from "./corefile";
import { endpointOf } from "./endpoint";
import { keyVariable, renderModel, renderProxy } from "./haproxy";
import { AUTHORITIES, DNS_FILE, MODELS_FILE, type OutboundPodInput } from "./pod";
import type { OutboundScope } from "./scope";

/** Names and digests of the files, for the pod. */
export type OutboundFiles = Pick<
    OutboundPodInput,
    "configHash" | "modelsHash" | "configMap" | "secret" | "authorities"
>;

/**
 * Creates the ConfigMap and the Secret.
 *
 * @param addresses cluster IPs of the sandboxes' Services, by sandbox
 */
export function createFiles(
    scope: OutboundScope,
    { sandboxes, caCertificates = [] }: OutboundProxyArgs,
    addresses: Readonly<Record<string, pulumi.Output<string>>>,
): OutboundFiles {
    const { name, cluster, clients, listeners } = scope;
    const authorities = Object.fromEntries(
        caCertificates.map((pem, index) => [`gateway-${index}.pem`, pem]),
    );
    const config = pulumi.all(addresses).apply((known): Record<string, string> => ({
        [PROXY_FILE]: renderProxy(clients, listeners, notInternet(cluster)),
        [DNS_FILE]: renderCorefile(clients, listeners, known),
        ...authorities,
    }));
    const models = modelsOf(sandboxes);
    const configMap = new k8s.core.v1.ConfigMap(
        `${name}-config`,
        { metadata: scope.metadata(OUTBOUND_NAME), data: config },
        scope.object,
    );
    const secret = new k8s.core.v1.Secret(
        `${name}-models`,
        { metadata: scope.metadata(OUTBOUND_NAME), stringData: models },
        scope.object,
    );
    const key = new random.RandomBytes(
        `${name}${DIGEST_KEY_SUFFIX}`,
        { length: 32 },
        { parent: scope.proxy, protect: false },
    );
    return {
        configHash: keyedDigest(config.apply(sortedEntries), key.hex),
        modelsHash: keyedDigest(models.apply(sortedEntries), key.hex),
        configMap: configMap.metadata.name,
        secret: secret.metadata.name,
        authorities: Object.keys(authorities),
    };
}

/** The Secret: where models are, in HAProxy's form, and each key in a value of its own. */
function modelsOf(
    sandboxes: OutboundProxyArgs["sandboxes"],
): pulumi.Output<Record<string, string>> {
    const models = Object.entries(sandboxes).flatMap(([sandbox, { inference }]) =>
        inference === undefined
            ? []
            : [
                  pulumi
                      .output(inference)
                      .apply(({ baseUrl, apiKey }) => ({ sandbox, baseUrl, apiKey })),
              ],
    );
    return pulumi.secret(
        pulumi.all(models).apply((known): Record<string, string> => ({
            // A comment at least: an empty value is dropped, and every preview would add it again.
            [MODELS_FILE]: [
                "# Written by sandbox-gateway.\n",
                ...known.map(({ sandbox, baseUrl, apiKey }) =>
                    renderModel(sandbox, endpointOf(baseUrl), apiKey !== "", AUTHORITIES),
                ),
            ].join("\n"),
            ...Object.fromEntries(
                known.map(({ sandbox, apiKey }) => [keyVariable(sandbox), apiKey]),
            ),
        })),
    );
}

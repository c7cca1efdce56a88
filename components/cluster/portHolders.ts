/** Which sandbox has which node port, as the cluster has it. */
import * as pulumi from "@pulumi/pulumi";
import { listObjects, type Access } from "./api";
import { LABEL_SANDBOX } from "../../model/constants";
import type { Holders } from "./portMoves";

/** The part of a Service that is read. */
interface Service {
    readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
    readonly spec: { readonly ports?: readonly { readonly nodePort?: number }[] };
}

/** The SDK has it, and leaves it out of its types. */
type Asked = pulumi.Output<[string, string]> & { readonly isKnown: Promise<boolean> };

/**
 * Asks a cluster.
 *
 * @param context of the kubeconfig
 * @param namespace of the sandboxes; it is known when the cluster can be asked, for it is made there
 * @returns undefined where it cannot be asked, or not yet: what a port is given to is for Kubernetes then
 */
export async function askHolders(
    kubeconfig: pulumi.Input<string>,
    context: string,
    namespace: pulumi.Output<string>,
    list: typeof listObjects = listObjects,
): Promise<Holders | undefined> {
    const asked = pulumi.all([kubeconfig, namespace]) as Asked;
    if (!(await asked.isKnown)) {
        return undefined;
    }
    return new Promise((resolve) => {
        asked.apply(([content, name]) => {
            const access = { kubeconfig: content, context };
            resolve(holdersIn(access, name, list).catch(() => undefined));
        });
    });
}

async function holdersIn(
    access: Access,
    namespace: string,
    list: typeof listObjects,
): Promise<Holders> {
    const kind = { apiVersion: "v1", kind: "Service", namespace };
    const services = await list<Service>(access, kind);
    return new Map(
        services.flatMap(({ metadata, spec }) => {
            const sandbox = metadata.labels?.[LABEL_SANDBOX];
            const ports = (spec.ports ?? []).flatMap(({ nodePort }) => nodePort ?? []);
            return sandbox === undefined ? [] : ports.map((port) => [port, sandbox] as const);
        }),
    );
}

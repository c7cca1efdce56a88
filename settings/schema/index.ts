/** Schema of the configuration: every key, its default, its rule. Rules between keys are in ../rules. */
import { z } from "zod";
import { EXISTING_CLUSTER_DEFAULTS, STACK_DEFAULTS } from "../../model/defaults";
import { anyPort, cidr, flag, hostFile, image, outboundImages, text } from "./fields";
import { gatewaySchema } from "./gateway";
import { must } from "../problems";
import { sandboxesSchema } from "./sandbox";

const NAMESPACE = "be the name of a namespace: at most 63 lower-case letters, digits or `-`";

const namespace = text(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, NAMESPACE, "agents");

/** Kubernetes' own form of a label: a name, with a domain in front or not. */
const labelName = text(
    /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
    "be the name of a label",
    "app.kubernetes.io/name",
);

const labelValue = text(
    /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/,
    "be the value of a label",
    "ingress-nginx",
);

const LABELS = must(
    "be an object of labels with one at least, or be left out for all pods",
    '{"app.kubernetes.io/name": "ingress-nginx"}',
);

const ingressFrom = z.strictObject(
    {
        namespace,
        labels: z
            .record(labelName, labelValue, LABELS)
            .refine((labels) => Object.keys(labels).length > 0, LABELS)
            .optional(),
    },
    must("be an object of namespace and labels", '{"namespace": "ingress-nginx"}'),
);

const existingCluster = z.strictObject(
    {
        kubeconfig: hostFile("a kubeconfig file", "~/.kube/config"),
        context: text(/./, "be a context of the kubeconfig", "production"),
        storageClass: text(/^[a-z0-9.-]+$/, "be the name of a storage class", "standard-retain"),
        serviceType: z
            .enum(
                ["NodePort", "ClusterIP"],
                must("be NodePort or ClusterIP", EXISTING_CLUSTER_DEFAULTS.serviceType),
            )
            .default(EXISTING_CLUSTER_DEFAULTS.serviceType),
        host: text(/^[A-Za-z0-9.-]+$/, "be a host name or an address", "agents.example.org"),
        namespace: namespace
            .refine(
                (name) => name !== "default" && !name.startsWith("kube-"),
                must("not be a namespace of Kubernetes' own or everyone's", "agents"),
            )
            .optional(),
        ingressFrom: z
            .array(ingressFrom, must("be a list", '[{"namespace": "ingress-nginx"}]'))
            .optional(),
        gateImage: image.optional(),
        outboundImages: outboundImages.optional(),
        gateTarget: z
            .strictObject(
                {
                    host: text(/^[A-Za-z0-9.:-]+$/, "be an address", "10.0.0.1"),
                    port: anyPort("443"),
                },
                must("be an object of host and port", '{"host": "10.0.0.1", "port": 443}'),
            )
            .optional(),
        internalNetworks: z
            .array(cidr, must("be a list of networks", '["10.42.0.0/16"]'))
            .default(EXISTING_CLUSTER_DEFAULTS.internalNetworks),
    },
    must("be an object", '{"context": "production", ...}'),
);

/** The whole configuration. */
export const schema = z.strictObject({
    running: flag(true).default(STACK_DEFAULTS.running),
    protect: flag(true).default(STACK_DEFAULTS.protect),
    gateway: gatewaySchema.prefault({}),
    existingCluster: existingCluster.optional(),
    sandboxes: sandboxesSchema.default({}),
});

/** The configuration, checked, with every default in place. */
export type Settings = z.infer<typeof schema>;
export type GatewaySettings = Settings["gateway"];
export type ExistingClusterSettings = NonNullable<Settings["existingCluster"]>;
/** Where the sandboxes run. */
export type PlaceSettings = Pick<Settings, "gateway" | "existingCluster">;
export type SandboxSettings = Settings["sandboxes"][string];

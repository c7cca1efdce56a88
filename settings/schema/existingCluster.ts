/** Schema of `existingCluster`. */
import { z } from "zod";
import { EXISTING_CLUSTER_DEFAULTS } from "../../model/defaults";
import { must } from "../problems";
import { anyPort, cidr, hostFile, image, outboundImages, text } from "./fields";

const NAMESPACE = "be the name of a namespace: at most 63 lower-case letters, digits or `-`";

const namespace = text(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, NAMESPACE, "agents");

/** Name of a Kubernetes label, with or without a domain in front. */
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
        namespace: namespace.describe("Namespace of these pods."),
        labels: z
            .record(labelName, labelValue, LABELS)
            .refine((labels) => Object.keys(labels).length > 0, LABELS)
            .optional()
            .describe("Labels that these pods have; without any, all pods of the namespace."),
    },
    must("be an object of namespace and labels", '{"namespace": "ingress-nginx"}'),
);

/** `existingCluster`: a cluster that exists already. */
export const existingClusterSchema = z.strictObject(
    {
        kubeconfig: hostFile("a kubeconfig file", "~/.kube/config").describe(
            "Path of a kubeconfig. Of its content, the stack keeps what the context needs.",
        ),
        context: text(/./, "be a context of the kubeconfig", "production").describe(
            "Context of the kubeconfig.",
        ),
        storageClass: text(
            /^[a-z0-9.-]+$/,
            "be the name of a storage class",
            "standard-retain",
        ).describe("Storage class of workspaces. It has to keep volumes whose claim is gone."),
        serviceType: z
            .enum(
                ["NodePort", "ClusterIP"],
                must("be NodePort or ClusterIP", EXISTING_CLUSTER_DEFAULTS.serviceType),
            )
            .default(EXISTING_CLUSTER_DEFAULTS.serviceType)
            .describe("Type of the Services that publish applications."),
        host: text(
            /^[A-Za-z0-9.-]+$/,
            "be a host name or an address",
            "agents.example.org",
        ).describe("Host name or address under which node ports are reached."),
        namespace: namespace
            .refine(
                (name) => name !== "default" && !name.startsWith("kube-"),
                must("not be a namespace of Kubernetes' own or everyone's", "agents"),
            )
            .optional()
            .describe(
                "Namespace of the sandboxes, which must not exist yet. Without one, the stack gets a namespace of its own.",
            ),
        ingressFrom: z
            .array(ingressFrom, must("be a list", '[{"namespace": "ingress-nginx"}]'))
            .optional()
            .describe(
                "Pods that may reach the sandboxes' ports, such as those of an Ingress controller.",
            ),
        gateImage: image
            .optional()
            .describe("Image of the gate in front of each sandbox: a shell and busybox's nc."),
        outboundImages: outboundImages.optional().describe("Images of the outbound proxy."),
        gateTarget: z
            .strictObject(
                {
                    host: text(/^[A-Za-z0-9.:-]+$/, "be an address", "10.0.0.1").describe(
                        "Address.",
                    ),
                    port: anyPort("443").describe("TCP port."),
                },
                must("be an object of host and port", '{"host": "10.0.0.1", "port": 443}'),
            )
            .optional()
            .describe(
                "What the gate tries to reach instead of the cluster's API: an address that no policy opens and that answers everyone else.",
            ),
        internalNetworks: z
            .array(cidr, must("be a list of networks", '["10.42.0.0/16"]'))
            .default(EXISTING_CLUSTER_DEFAULTS.internalNetworks)
            .describe(
                "Networks of the cluster's pods and Services, from which no sandbox is reached.",
            ),
    },
    must("be an object", '{"context": "production", ...}'),
);

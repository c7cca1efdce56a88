/** Rules that keep data from being lost. */
import type { types } from "@pulumi/kubernetes";
import type { Seen } from "../../model/seen";
import { isStateful } from "../../model/stateful";
import { inputs, policy } from "./support";

type StorageClass = Seen<types.output.storage.v1.StorageClass>;

/** What any object has. */
type Named = Pick<StorageClass, "metadata">;

/** Kinds whose replacement under a made-up name starts empty. */
const NAMED_KINDS = [
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:PersistentVolume",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "kubernetes:core/v1:Secret",
];

export const statePolicies = [
    policy({
        name: "stateful-resources-protected",
        description: "Whatever holds data or identity must be protected.",
        remediation:
            "Set `protect: true` on the component or the resource, or leave the resource out by name.",
        check: ({ type, name, opts }, report) => {
            if (isStateful(type, name) && !opts.protect) {
                report(`${name} holds data or identity and must be protected.`);
            }
        },
    }),
    policy({
        name: "workspace-class-retains",
        description: "A storage class of the local gateway must keep volumes whose claim is gone.",
        remediation: "Set `reclaimPolicy: Retain`.",
        check: (args, report) => {
            if (args.type !== "kubernetes:storage.k8s.io/v1:StorageClass") {
                return;
            }
            const { provisioner, reclaimPolicy } = inputs<StorageClass>(args);
            if (provisioner === "rancher.io/local-path" && reclaimPolicy !== "Retain") {
                report(
                    `${args.name} must have the reclaim policy Retain, not ${reclaimPolicy ?? "Delete"}.`,
                );
            }
        },
    }),
    policy({
        name: "stateful-names-explicit",
        description: "Kubernetes objects that hold data must have a name that is given.",
        remediation: "Set `metadata.name`; a made-up name changes with a replacement.",
        check: (args, report) => {
            if (NAMED_KINDS.includes(args.type) && !inputs<Named>(args).metadata?.name) {
                report(`${args.name} must set metadata.name.`);
            }
        },
    }),
];

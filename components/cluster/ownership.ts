/**
 * On a cluster that others use, only what this stack has made is this stack's. The Kubernetes provider
 * writes over whatever has the name of what it creates; so the cluster is asked before.
 */
import * as pulumi from "@pulumi/pulumi";
import { readObject, type Access, type FoundObject, type ObjectName } from "./api";
import { ANNOTATION_OWNER, LABEL_MANAGED_BY, MANAGED_BY } from "../../model/constants";
import { claimProblem, type StorageClass } from "./reclaim";

/** What the checks know; undefined until it is known, which in a preview it may never be. */
export interface Known {
    kubeconfig?: string;
    /** Identity of the stack, which its namespace carries. */
    owner?: string;
}

/** Asks a cluster; throws when it cannot tell. */
export type Read = typeof readObject;

/** Why a namespace of this name must not be made. @returns undefined when it may be */
function namespaceProblem(
    name: string,
    found: FoundObject | undefined,
    owner: string | undefined,
): string | undefined {
    if (found === undefined) {
        return undefined;
    }
    if (!isOwn(found, owner)) {
        return `a namespace ${name} is there already, and is not this stack's; nothing was changed in it. Give existingCluster.namespace another name, or leave the key out: the stack then gets a namespace that no other has`;
    }
    return found.metadata?.deletionTimestamp === undefined
        ? undefined
        : `namespace ${name}, which this stack has made, is still being removed; run this again when it is gone (kubectl get namespace ${name})`;
}

/** Whose an object is, where there is one of the wanted name. */
type Whose = "ours" | "someone's" | "unknown";

/**
 * Whose an object is. Ours by its label, in a namespace that is ours: one whose run was killed before it
 * could note it is taken up. In a namespace of an earlier version, which names no stack, it is unknown.
 */
function whoseObject(
    found: FoundObject,
    inNamespace: FoundObject | undefined,
    owner: string | undefined,
): Whose {
    const labelled = found.metadata?.labels?.[LABEL_MANAGED_BY] === MANAGED_BY;
    if (labelled && ownerOf(inNamespace) === undefined) {
        return "unknown";
    }
    return labelled && isOwn(inNamespace, owner) ? "ours" : "someone's";
}

/** Why an object must not be made. @returns undefined when it may be */
function objectProblem({ kind, name, namespace = "" }: ObjectName, whose: Whose) {
    const there = `namespace ${namespace} has a ${kind} ${name} already, `;
    switch (whose) {
        case "ours":
            return undefined;
        case "someone's":
            return `${there}which is not this stack's; it was not changed. Give the sandbox another name`;
        case "unknown":
            return `${there}and an earlier version, which made the namespace, did not note for which stack; it was not changed. See docs/operations.md, \`A cluster that is there already\``;
    }
}

function isOwn(found: FoundObject | undefined, owner: string | undefined): boolean {
    return owner !== undefined && ownerOf(found) === owner;
}

function ownerOf(found: FoundObject | undefined): string | undefined {
    return found?.metadata?.annotations?.[ANNOTATION_OWNER];
}

/** The checks of a cluster. The engine runs them for what is about to be created, and for nothing else. */
export class Ownership {
    /** Hooks of the namespace. */
    readonly namespace: pulumi.ResourceHookBinding;
    /** Hooks of every object in the namespace. */
    readonly objects: pulumi.ResourceHookBinding;
    private readonly warned = new Set<string>();

    /**
     * @param name of the component, by which hooks are told apart
     * @param context of the kubeconfig
     */
    constructor(
        name: string,
        private readonly context: string,
        private readonly known: Known,
        private readonly read: Read = readObject,
    ) {
        const hook = (what: string, check: (access: Access, object: Wanted) => Promise<void>) => ({
            beforeCreate: [
                new pulumi.ResourceHook(
                    `${name}: ${what}`,
                    ({ newInputs }) => this.check(newInputs as Inputs, check),
                    { onDryRun: true },
                ),
            ],
        });
        this.namespace = hook("the namespace is nobody else's", async (access, object) => {
            this.refuse(
                namespaceProblem(object.name, await this.read(access, object), this.known.owner),
            );
        });
        this.objects = hook("the object is nobody else's", async (access, object) => {
            await this.checkObject(access, object);
            await this.checkClass(access, object);
        });
    }

    private async checkObject(access: Access, object: Wanted): Promise<void> {
        const found = await this.read(access, object);
        if (found === undefined) {
            return;
        }
        const { namespace: name = "" } = object;
        const namespace = await this.read(access, { apiVersion: "v1", kind: "Namespace", name });
        const whose = whoseObject(found, namespace, this.known.owner);
        const problem = objectProblem(object, whose);
        if (problem !== undefined && whose === "unknown" && pulumi.runtime.isDryRun()) {
            // In a replacement the old object is deleted before the new one is created.
            await this.warn(`cluster ${this.context}: ${problem}`);
            return;
        }
        this.refuse(problem);
    }

    private async check(
        inputs: Inputs,
        check: (access: Access, object: Wanted) => Promise<void>,
    ): Promise<void> {
        const object = wanted(inputs);
        const { kubeconfig } = this.known;
        if (kubeconfig === undefined || object === undefined) {
            if (pulumi.runtime.isDryRun()) {
                // A preview that does not know where, or what, has nothing to ask; the update has.
                return;
            }
            throw new Error("what is to be made is not known; nothing was changed");
        }
        try {
            await check({ kubeconfig, context: this.context }, object);
        } catch (error) {
            if (error instanceof Refusal) {
                throw error;
            }
            const reason = `cluster ${this.context} cannot be asked whether it has a ${object.kind} ${object.name} already: ${(error as Error).message}`;
            if (!pulumi.runtime.isDryRun()) {
                throw new Error(
                    `${reason}; nothing was changed. See that the kubeconfig reaches the cluster (kubectl --context ${this.context} get ${object.kind} ${object.name}), then run this again`,
                );
            }
            await this.warn(
                `${reason}; \`pulumi up\` asks again, and makes nothing unless it knows`,
            );
        }
    }

    /** What a claim is stored with. Nothing is anyone else's here: what cannot be read is only said. */
    private async checkClass(access: Access, { kind, spec }: Wanted): Promise<void> {
        const name = spec?.storageClassName;
        if (kind !== "PersistentVolumeClaim" || name === undefined) {
            return;
        }
        const object = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", name };
        let found: StorageClass | undefined;
        try {
            found = await this.read<StorageClass>(access, object);
        } catch (error) {
            await this.warn(
                `storage class ${name} of cluster ${this.context} cannot be looked at: ${(error as Error).message}`,
            );
            return;
        }
        const { problem, warning } = claimProblem(name, this.context, found);
        this.refuse(problem);
        if (warning !== undefined) {
            await this.warn(warning);
        }
    }

    private refuse(problem: string | undefined): void {
        if (problem !== undefined) {
            throw new Refusal(`cluster ${this.context}: ${problem}`);
        }
    }

    /** Once, however many objects it is true of. */
    private async warn(text: string): Promise<void> {
        if (!this.warned.has(text)) {
            this.warned.add(text);
            await pulumi.log.warn(text);
        }
    }
}

/** What was found out, and not a failure to find out. */
class Refusal extends Error {}

interface Inputs {
    readonly apiVersion?: unknown;
    readonly kind?: unknown;
    readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown };
    readonly spec?: { readonly storageClassName?: string };
}

type Wanted = ObjectName & Pick<Inputs, "spec">;

/** @returns undefined when something in it is not known yet */
function wanted({ apiVersion, kind, metadata, spec }: Inputs): Wanted | undefined {
    const { name, namespace } = metadata ?? {};
    if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof name !== "string") {
        return undefined;
    }
    if (kind === "Namespace") {
        return { apiVersion, kind, name };
    }
    return typeof namespace === "string"
        ? { apiVersion, kind, name, namespace, ...(spec ? { spec } : {}) }
        : undefined;
}

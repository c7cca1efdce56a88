/** Pure: under which names Pulumi has applied an object of Kubernetes. */

/** How the provider begins the names; each resource in a state has one of its own. */
const PREFIX = "pulumi-kubernetes-";

/** An object as a state has it. */
export interface StoredObject {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    /** @default it is in none */
    readonly namespace: string | undefined;
    /** Name under which this state applies it. */
    readonly manager: string;
}

/** An object as Kubernetes has it. */
export interface KubernetesObject {
    readonly kind: string;
    readonly metadata: {
        readonly name: string;
        readonly managedFields?: readonly { readonly manager?: string }[];
    };
}

/** The objects of Kubernetes in a state. */
export function objectsOf(
    resources: readonly { readonly outputs?: Readonly<Record<string, unknown>> }[],
): StoredObject[] {
    return resources.flatMap(({ outputs = {} }) => {
        const { apiVersion, kind, metadata, __fieldManager: manager } = outputs;
        const { name, namespace } = (metadata ?? {}) as { name?: unknown; namespace?: unknown };
        return typeof apiVersion === "string" &&
            typeof kind === "string" &&
            typeof name === "string" &&
            typeof manager === "string"
            ? [
                  {
                      ...{ apiVersion, kind, name, manager },
                      namespace: typeof namespace === "string" ? namespace : undefined,
                  },
              ]
            : [];
    });
}

/** An object as kubectl is asked for it, whatever else has the same kind. */
export function typed({ apiVersion, kind, name }: StoredObject): string {
    const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
    const type = kind.toLowerCase();
    return group === "" ? `${type}/${name}` : `${type}.${version}.${group}/${name}`;
}

/** A step of a JSON patch. */
export interface PatchStep {
    readonly op: "test" | "remove";
    readonly path: string;
    readonly value?: string;
}

/**
 * The JSON patch that takes away what other states of Pulumi have noted on an object. It fails, and
 * changes nothing, when the object was changed meanwhile.
 *
 * @param manager the one that stays
 * @returns nothing when there is no other, and when that one is not there
 */
export function formerManagers({ metadata }: KubernetesObject, manager: string): PatchStep[] {
    const managers = (metadata.managedFields ?? []).map((entry) => entry.manager ?? "");
    if (!managers.includes(manager)) {
        return [];
    }
    // From the end, so that no step moves what another one names.
    return managers
        .map((name, index) => ({ name, path: `/metadata/managedFields/${index}` }))
        .filter(({ name }) => name.startsWith(PREFIX) && name !== manager)
        .reverse()
        .flatMap(({ name, path }): PatchStep[] => [
            { op: "test", path: `${path}/manager`, value: name },
            { op: "remove", path },
        ]);
}

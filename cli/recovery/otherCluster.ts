/**
 * A look at an existing cluster before anything is done with a stack: whether it is the one that has the
 * stack's sandboxes. A kubeconfig may lead to another one by now, where a refresh reads everything as gone,
 * takes it out of the state, and has it made anew.
 */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { readObject, type Access } from "../../components/cluster/api";
import { ANNOTATION_OWNER } from "../../model/constants";
import { hostPath } from "../../settings/hostPath";
import { cutKubeconfig } from "../../settings/kubeconfigFile";
import type { ExistingClusterSettings } from "../../settings/schema";
import { StepError } from "../../steps/errors";
import type { Session } from "../session";
import type { Export } from "../stack/stackExport";
import { clusterTarget } from "../status/target";
import { makeTarget } from "../makeTarget";

const CHAPTER = "docs/operations.md, `The kubeconfig leads to another cluster`";

/** A stack's namespace in a cluster that was there already, as the state has it. */
export interface OwnNamespace {
    readonly name: string;
    /** Identity of the stack. @default the state has none */
    readonly owner?: string;
    /** Whether the namespace carried it when it was made, or last looked at. */
    readonly wasAnnotated: boolean;
}

/** What a namespace's outputs have. */
interface NamespaceOutputs {
    readonly name?: unknown;
    readonly annotations?: Readonly<Record<string, unknown>>;
}

/** The namespace of a stack in an existing cluster. @returns undefined where the state has none */
export function namespaceIn({ deployment }: Export): OwnNamespace | undefined {
    const resources = deployment?.resources ?? [];
    const namespace = resources.find(
        ({ urn, delete: old }) =>
            !old && urn.includes(":ExistingCluster$kubernetes:core/v1:Namespace::"),
    );
    const { name, annotations } = (namespace?.outputs?.["metadata"] ?? {}) as NamespaceOutputs;
    if (typeof name !== "string") {
        return undefined;
    }
    const owner = resources.find(({ urn }) => urn.includes(":ExistingCluster$pulumi:index:Stash::"))
        ?.outputs?.["output"];
    return {
        name,
        ...(typeof owner === "string" ? { owner } : {}),
        wasAnnotated: owner !== undefined && annotations?.[ANNOTATION_OWNER] === owner,
    };
}

/**
 * Sees that the cluster of the settings has the namespace of the state. Nothing is asked where the state has
 * none, or the sandboxes are in a gateway.
 *
 * @param mustKnow whether a cluster that cannot be asked is refused as well, as for a refresh, which believes
 *   what it reads. @default what is done then fails by itself where the cluster does not answer
 * @throws StepError when the namespace is absent or not this stack's
 */
export async function refuseOtherCluster(
    { root, place: { existingCluster } }: Pick<Session, "root" | "place">,
    state: Export,
    mustKnow = false,
): Promise<void> {
    const namespace = namespaceIn(state);
    if (!existingCluster || namespace === undefined) {
        return;
    }
    let other: Other | undefined;
    try {
        other = await lookForOther(accessOf(existingCluster, root), namespace, (...words) =>
            // The namespace is what it is about, and not where.
            clusterTarget(existingCluster, undefined, root).typed(...words),
        );
    } catch (error) {
        if (mustKnow) {
            throw cannotTell(existingCluster, namespace, (error as Error).message);
        }
        return;
    }
    if (other !== undefined) {
        throw isOther(existingCluster, other);
    }
}

/** @throws KubeconfigError, or an error of the file system's */
function accessOf({ kubeconfig, context }: ExistingClusterSettings, root: string): Access {
    const file = hostPath(kubeconfig, root);
    const content = readFileSync(file, "utf8");
    return { kubeconfig: cutKubeconfig(content, context, path.dirname(file)), context };
}

/** Address of the cluster in a kubeconfig that was cut to one. */
function serverOf({ kubeconfig }: Access): string {
    const { clusters } = JSON.parse(kubeconfig) as {
        readonly clusters: readonly { readonly cluster: { readonly server?: string } }[];
    };
    return clusters[0]?.cluster.server ?? "";
}

/** What makes a cluster another one. */
interface Other {
    readonly server: string;
    /** What it has in place of the namespace. */
    readonly got: string;
    readonly expected: string;
    /** What to do where it is the right cluster all the same. */
    readonly otherwise: string;
}

/**
 * Asks a cluster for a namespace.
 *
 * @param typed a command of kubectl for that cluster
 * @returns undefined when it has it
 * @throws Error when it cannot be asked
 */
async function lookForOther(
    access: Access,
    { name, owner, wasAnnotated }: OwnNamespace,
    typed: (...words: string[]) => string,
): Promise<Other | undefined> {
    const found = await readObject(access, { apiVersion: "v1", kind: "Namespace", name });
    const annotated = found?.metadata?.annotations?.[ANNOTATION_OWNER];
    const isOwn = owner === undefined || annotated === owner;
    if (found && (annotated === undefined ? !wasAnnotated : isOwn)) {
        return undefined;
    }
    const annotate =
        owner === undefined
            ? []
            : [typed("annotate", "namespace", name, `${ANNOTATION_OWNER}=${owner}`)];
    const common = {
        server: serverOf(access),
        expected: `a namespace ${name}${owner === undefined ? "" : ` with the annotation ${ANNOTATION_OWNER}=${owner}`}`,
    };
    if (!found) {
        const commands = [typed("create", "namespace", name), ...annotate].join(" && ");
        return {
            ...common,
            got: `no namespace ${name}`,
            otherwise: `Where somebody has removed the namespace, and all in it is to be made anew, empty: \`${commands}\`, then \`${makeTarget("heal")}\``,
        };
    }
    return {
        ...common,
        got:
            annotated === undefined
                ? `a namespace ${name} without that annotation`
                : `a namespace ${name} of another stack, with ${ANNOTATION_OWNER}=${annotated}`,
        otherwise:
            annotated === undefined
                ? `Where the namespace is this stack's, and somebody has taken the annotation off: \`${annotate.join("")}\`, then run this again`
                : "What is in that namespace is the other stack's to change",
    };
}

/** Why nothing is done in a cluster. */
function isOther(
    { kubeconfig, context }: ExistingClusterSettings,
    { server, got, expected, otherwise }: Other,
): StepError {
    return new StepError(
        [
            `cluster ${context} of ${kubeconfig} (${server}) is not the one that has this stack's sandboxes: got ${got}; expected ${expected}, where the state has them`,
            "  nothing was changed; a refresh would take all of it for gone, and it would be made anew, empty, in this cluster",
        ].join("\n"),
        `where existingCluster.kubeconfig or existingCluster.context leads to another cluster now, write the former one, or put the former file back, then run this again. ${otherwise}: ${CHAPTER}`,
    );
}

/** Why a refresh is not begun. */
function cannotTell(
    { kubeconfig, context }: ExistingClusterSettings,
    { name }: OwnNamespace,
    reason: string,
): StepError {
    return new StepError(
        [
            `cluster ${context} of ${kubeconfig} cannot be asked whether it has the namespace ${name}, in which the state has this stack's sandboxes: ${reason}`,
            "  nothing was changed; a cluster that has them not would be taken for one that has lost them",
        ].join("\n"),
        `see that the kubeconfig reaches the cluster, and that its user may read the namespace (\`kubectl --context ${context} get namespace ${name}\`), then run this again`,
    );
}

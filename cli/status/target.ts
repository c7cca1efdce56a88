/**
 * Where a stack's sandboxes run, and how it is asked: the gateway's container, or a cluster that was
 * there already. Whatever reads or prints does so through a `Target` and need not know which it is.
 */
import * as os from "node:os";
import * as path from "node:path";
import { NAMESPACE } from "../../model/constants";
import { dockerName, nodeName } from "../../model/names";
import { hostPath } from "../../settings/hostPath";
import type { ExistingClusterSettings } from "../../settings/schema";
import { ask } from "../../steps/ask";
import { isMissing, reasonOf } from "../../steps/command";
import { lookAtContainer, type Condition } from "./gatewayLook";
import type { Outputs } from "../stack/outputs";
import { asCommand } from "../../steps/text";
import type { Session } from "../session";

/** What makes one place different from another. */
interface Parts {
    readonly kind: "gateway" | "cluster";
    /** What it is and what it is called, for a heading. */
    readonly title: string;
    /** The same for programs. */
    readonly facts: Readonly<Record<string, string>>;
    /** Where the sandboxes are in it. @default nothing was made in it yet */
    readonly namespace?: string | undefined;
    /** Command line that kubectl's own arguments follow, when it is run here. */
    readonly command: readonly string[];
    /** The same as a person types it, without and with a terminal. */
    readonly typed: { readonly plain: readonly string[]; readonly terminal: readonly string[] };
    /** Looks whether it can be asked. */
    readonly look: () => Promise<Condition>;
}

/** A place for sandboxes. */
export class Target {
    readonly kind: Parts["kind"];
    readonly title: string;
    readonly facts: Parts["facts"];
    readonly namespace: Parts["namespace"];
    /** Looks whether it can be asked. */
    readonly look: () => Promise<Condition>;

    constructor(private readonly parts: Parts) {
        this.kind = parts.kind;
        this.title = parts.title;
        this.facts = parts.facts;
        this.namespace = parts.namespace;
        this.look = parts.look;
    }

    /** Runs kubectl. @throws what `reasonOf` explains */
    kubectl(...args: string[]): Promise<string> {
        return ask([...this.parts.command, "--request-timeout=5s", ...args]);
    }

    /** Runs kubectl in the sandboxes' namespace. @throws what `reasonOf` explains */
    inNamespace(...args: string[]): Promise<string> {
        return this.kubectl(...this.namespaced(), ...args);
    }

    /** A command of kubectl in the sandboxes' namespace, as it is typed. */
    typed(...args: string[]): string {
        return asCommand([...this.parts.typed.plain, ...this.namespaced(), ...args]);
    }

    /** The command that opens a shell in a sandbox. */
    shell(sandbox: string): string {
        const exec = ["exec", "-it", `${sandbox}-0`, "--", "sh"];
        return asCommand([...this.parts.typed.terminal, ...this.namespaced(), ...exec]);
    }

    private namespaced(): string[] {
        return this.namespace === undefined ? [] : ["-n", this.namespace];
    }
}

/**
 * The target of a stack: what its outputs name, else what its settings do, for a first `up` that
 * failed has left no outputs, and may have left much else.
 *
 * @param owner the gateway, as labels in Docker name it @default not known
 */
export function targetOf(
    { place: { gateway, existingCluster }, root }: Pick<Session, "place" | "root">,
    outputs: Outputs,
    owner?: string,
): Target {
    if (existingCluster && outputs.container === undefined) {
        return clusterTarget(existingCluster, outputs.namespace, root);
    }
    const { container = dockerName(gateway.name), node = nodeName(gateway.name) } = outputs;
    return gatewayTarget(container, node, gateway.dockerHost, owner);
}

/**
 * The gateway in a container.
 *
 * @param dockerHost as in DOCKER_HOST. @default Docker's own choice
 * @param owner as for `targetOf`
 */
export function gatewayTarget(
    container: string,
    node: string,
    dockerHost?: string,
    owner?: string,
): Target {
    const docker = dockerCommand(dockerHost);
    const kubectl = [container, "k3s", "kubectl"];
    const plain = [...docker, "exec", ...kubectl];
    return new Target({
        kind: "gateway",
        title: `gateway ${container}, node ${node}`,
        facts: { container, node },
        namespace: NAMESPACE,
        command: plain,
        typed: { plain, terminal: [...docker, "exec", "-it", ...kubectl] },
        look: () => lookAtContainer(docker, container, owner),
    });
}

/**
 * A cluster that was there already, through the kubectl on PATH.
 *
 * @param namespace of this stack; without one there is nothing of it in the cluster
 */
export function clusterTarget(
    { kubeconfig, context, host }: Pick<ExistingClusterSettings, "kubeconfig" | "context" | "host">,
    namespace: string | undefined,
    root: string,
): Target {
    const file = hostPath(kubeconfig, root);
    const usual = process.env["KUBECONFIG"] ?? path.join(os.homedir(), ".kube", "config");
    const command = ["kubectl", "--kubeconfig", file, "--context", context];
    // The file that kubectl takes by itself need not be typed.
    const typed = file === usual ? ["kubectl", "--context", context] : command;
    return new Target({
        kind: "cluster",
        title: `cluster ${context} (host ${host})`,
        facts: { context, host, ...(namespace === undefined ? {} : { namespace }) },
        namespace,
        command,
        typed: { plain: typed, terminal: typed },
        look: () => lookAtCluster(command),
    });
}

/** The Docker command line for a daemon. @default Docker's own choice */
export function dockerCommand(dockerHost?: string): string[] {
    return ["docker", ...(dockerHost === undefined ? [] : ["--host", dockerHost])];
}

async function lookAtCluster(kubectl: readonly string[]): Promise<Condition> {
    try {
        // A single request, which every user of a cluster may make.
        await ask([...kubectl, "--request-timeout=5s", "get", "--raw", "/version"]);
        return { state: "running" };
    } catch (error) {
        return isMissing(error)
            ? {
                  state: "unknown",
                  detail: "the cluster is asked through kubectl, which is not on PATH",
                  next: "install kubectl (https://kubernetes.io/docs/tasks/tools/)",
              }
            : { state: "unknown", detail: reasonOf(error) };
    }
}

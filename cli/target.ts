/**
 * Where a stack's sandboxes run, and how it is asked: the gateway's container, or a cluster that was
 * there already. Whatever reads or prints does so through a `Target` and need not know which it is.
 */
import * as os from "node:os";
import * as path from "node:path";
import { GATEWAY_RUN_DIR, NAMESPACE } from "../components/constants";
import { dockerName, nodeName } from "../components/names";
import { hostPath } from "../settings/paths";
import type { ExistingClusterSettings, PlaceSettings } from "../settings/schema";
import { ask, isMissing, reasonOf } from "./ask";
import { diskWarnings } from "./disk";
import type { Outputs } from "./outputs";
import { asCommand, plainLines } from "./text";

/** Three states: what cannot be told is not taken for stopped. */
export interface Condition {
    readonly state: "running" | "stopped" | "unknown";
    /** Since when a gateway's container runs: what Kubernetes says of the time before is not true any more. */
    readonly since?: string;
    /** Why it is unknown. */
    readonly detail?: string;
    /** What to do about it. */
    readonly next?: string;
    /** `enforced`, or what is wrong; of a gateway whose entrypoint says. */
    readonly policies?: string;
    /** Day until which k3s's own certificates are good; the gateway renews them before. */
    readonly certificates?: string;
    /** What the gateway lacks, or will soon. */
    readonly warnings?: readonly string[];
}

/** What the entrypoint has written down; empty where it has not, or not yet. */
export interface OwnWords {
    readonly health: string;
    readonly warnings: string;
    readonly certificates: string;
}

/**
 * Days without a restart after which a gateway of an earlier version says so, which does not look after
 * k3s's certificates: they hold 365, and are renewed at a start.
 */
const OLD_DAYS = 300;

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
 * @param root folder of the project
 */
export function targetOf(outputs: Outputs, settings: PlaceSettings, root: string): Target {
    const { gateway, existingCluster } = settings;
    if (existingCluster && outputs.container === undefined) {
        return clusterTarget(existingCluster, outputs.namespace, root);
    }
    const { container = dockerName(gateway.name), node = nodeName(gateway.name) } = outputs;
    return gatewayTarget(container, node, gateway.dockerHost);
}

/** The gateway in a container. @param dockerHost as in DOCKER_HOST. @default Docker's own choice */
export function gatewayTarget(container: string, node: string, dockerHost?: string): Target {
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
        look: () => lookAtContainer(docker, container),
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

async function lookAtContainer(docker: readonly string[], container: string): Promise<Condition> {
    // Docker takes a pattern for the name, and gives back whatever matches.
    const filter = ["--filter", `name=${container}`, "--format", "{{.Names}}\t{{.State}}"];
    try {
        const listed = await ask([...docker, "ps", "--all", ...filter]);
        const state = stateOf(listed, container);
        if (state === "restarting" || state === "paused") {
            const remedy = state === "paused" ? ["unpause"] : ["logs", "--tail", "20"];
            return {
                state: "unknown",
                detail: `the gateway's container is ${state}`,
                next: asCommand([...docker, ...remedy, container]),
            };
        }
        if (state === "") {
            return await lookAtVolume(docker, container);
        }
        if (state !== "running") {
            return { state: "stopped" };
        }
        const started = ["inspect", "--format", "{{.State.StartedAt}}", container];
        const since = (await ask([...docker, ...started])).trim();
        const inside = (...command: string[]) => ask([...docker, "exec", container, ...command]);
        const read = (file: string) => inside("cat", `${GATEWAY_RUN_DIR}/${file}`).catch(() => "");
        const [health, warnings, certificates, disk] = await Promise.all([
            read("health"),
            read("warnings"),
            read("certificates"),
            diskWarnings((script) => inside("sh", "-c", script)),
        ]);
        const said = ownWords({ health, warnings, certificates }, since, container);
        const all = [...(said.warnings ?? []), ...disk];
        return { state, since, ...said, ...(all.length === 0 ? {} : { warnings: all }) };
    } catch (error) {
        return { state: "unknown", detail: reasonOf(error) };
    }
}

/** A gateway without a container is stopped where its data volume is: another daemon knows nothing of it. */
async function lookAtVolume(docker: readonly string[], name: string): Promise<Condition> {
    const volumes = (await ask([...docker, "volume", "ls", "--format", "{{.Name}}"])).split("\n");
    return volumes.includes(name)
        ? { state: "stopped" }
        : {
              state: "unknown",
              detail: `Docker has neither the gateway's container nor its data volume ${name}: the gateway is on another daemon, was never up, or the volume was removed`,
              next: "docker context ls",
          };
}

/** State of the container of exactly this name. @returns "" when there is none */
export function stateOf(listed: string, container: string): string {
    const lines = listed.split("\n").map((line) => line.trim().split("\t"));
    const found = lines.find(([names = ""]) => names.split(",").includes(container));
    return found?.[1] ?? "";
}

/** What a gateway says of itself, and what its age does. @param since when its container was started */
export function ownWords(
    { health, warnings, certificates }: OwnWords,
    since: string,
    container: string,
    now = Date.now(),
): Pick<Condition, "policies" | "certificates" | "warnings"> {
    const days = Math.floor((now - Date.parse(since)) / 86_400_000);
    const [until] = plainLines(certificates);
    const aged =
        until === undefined && days > OLD_DAYS
            ? [
                  `it has run for ${days} days: k3s's certificates end after 365, and are renewed by a restart: docker restart ${container}`,
              ]
            : [];
    const said = [...new Set(plainLines(warnings)), ...aged];
    const [found] = plainLines(health);
    return {
        ...(found === undefined ? {} : { policies: found === "ok" ? "enforced" : found }),
        ...(until === undefined ? {} : { certificates: until }),
        ...(said.length === 0 ? {} : { warnings: said }),
    };
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

/** Pure: which Docker daemon `docker` means, and how one that does not answer is started. */
import * as path from "node:path";
import { plainTransport } from "../../components/gateway/dockerTransport";
import { StepError } from "../../steps/errors";

/** Where Docker's own packages have their daemon listen. */
export const SYSTEM_SOCKET = "unix:///var/run/docker.sock";

/** A daemon that everything is to ask. */
export interface DockerHost {
    /** As in DOCKER_HOST. */
    readonly host: string;
    /** What has named it, for people. */
    readonly namedBy: string;
    /** Whether nobody has named it: the usual one of this machine, which may be installed and started. */
    readonly usual: boolean;
    /**
     * Environment in which every client asks this daemon. Of the usual one nobody has to be told; and
     * Pulumi's SDK would write it into the state, where its absence elsewhere would be a change.
     */
    readonly variables: Readonly<Record<string, string>>;
}

/** What there is to choose from. */
export interface Choice {
    /** `gateway.dockerHost`; it wins. @default none */
    readonly setting?: string | undefined;
    /** The user's own environment. */
    readonly env: NodeJS.ProcessEnv;
    /** What `docker context inspect` says of the context in use. @default there is no `docker` */
    readonly inspected?: string | undefined;
    /** `currentContext` of Docker's config.json, for a machine without `docker`. @default none */
    readonly currentContext?: string | undefined;
}

/** The part of a context that is read. */
interface Context {
    readonly Name: string;
    readonly Endpoints: {
        readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean };
    };
    readonly TLSMaterial?: { readonly docker?: readonly string[] };
    readonly Storage?: { readonly TLSPath?: string };
}

/** What a client needs to prove itself, by the names that DOCKER_CERT_PATH stands for. */
const TLS_FILES = ["ca.pem", "cert.pem", "key.pem"];

/**
 * The daemon that `docker` means, unless the settings name another.
 *
 * @throws StepError when a context is named that cannot be handed on to other clients, and when what is
 *   said to the daemon would go over the network in clear
 */
export function chooseDockerHost(choice: Choice): DockerHost {
    const chosen = choose(choice);
    const { host, namedBy, variables } = chosen;
    const plain = plainTransport(host, { ...choice.env, ...variables });
    if (plain) {
        throw new StepError(`${namedBy} is ${host}, which must ${plain.reason}`, plain.instead);
    }
    return chosen;
}

function choose(choice: Choice): DockerHost {
    const { setting, env, inspected } = choice;
    if (setting !== undefined) {
        return named(setting, "gateway.dockerHost");
    }
    if (inspected !== undefined) {
        const [context] = JSON.parse(inspected) as Context[];
        if (context && context.Name !== "default") {
            return hostOfContext(context);
        }
        return hostByVariable(env, context?.Endpoints.docker?.Host || env["DOCKER_HOST"]);
    }
    const context = env["DOCKER_CONTEXT"] || choice.currentContext;
    if (!env["DOCKER_HOST"] && context && context !== "default") {
        throw new StepError(
            `Docker's context is ${context}, and there is no \`docker\` on PATH to read it`,
            "install Docker's command line (https://docs.docker.com/engine/install/), or set DOCKER_HOST",
        );
    }
    return hostByVariable(env, env["DOCKER_HOST"]);
}

function named(host: string, namedBy: string, more: Record<string, string> = {}): DockerHost {
    return { host, namedBy, usual: false, variables: { DOCKER_HOST: host, ...more } };
}

function hostByVariable(env: NodeJS.ProcessEnv, host?: string): DockerHost {
    if (host && host !== SYSTEM_SOCKET) {
        return named(host, "DOCKER_HOST");
    }
    const usual = { ...named(SYSTEM_SOCKET, "Docker's default"), usual: true };
    // DOCKER_CONTEXT=default may be all that keeps `docker` from the context of config.json.
    return env["DOCKER_CONTEXT"] ? usual : { ...usual, variables: {} };
}

function hostOfContext({ Name, Endpoints, TLSMaterial, Storage }: Context): DockerHost {
    const { Host, SkipTLSVerify } = Endpoints.docker ?? {};
    const namedBy = `Docker's context ${Name}`;
    if (!Host) {
        throw new StepError(
            `${namedBy} names no Docker daemon`,
            "choose another: `docker context ls`, `docker context use NAME`",
        );
    }
    const files = TLSMaterial?.docker ?? [];
    if (files.length === 0 && !SkipTLSVerify) {
        return named(Host, namedBy);
    }
    // Other clients than `docker` are told of certificates by a folder with all three, and verify.
    if (SkipTLSVerify || !Storage?.TLSPath || !TLS_FILES.every((file) => files.includes(file))) {
        throw new StepError(
            `${namedBy} (${Host}) ${SkipTLSVerify ? "does not verify the daemon's certificate" : `has of its certificates only ${files.join(", ")}`}; Pulumi's docker plugin needs ${TLS_FILES.join(", ")}, and verifies`,
            "make the context with ca, cert and key and without skip-tls-verify, or use one over ssh://",
        );
    }
    const folder = path.posix.join(Storage.TLSPath, "docker");
    return named(Host, namedBy, { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: folder });
}

/** Programs that bring a daemon, told by the names of their contexts and sockets. */
const STARTS: readonly (readonly [sign: RegExp, start: string])[] = [
    [/orbstack/, "start OrbStack (`orb start`)"],
    [/rancher-desktop|\/\.rd\//, "open Rancher Desktop"],
    [
        /desktop-(linux|windows)|\/\.docker\/(desktop|run)\/|docker_engine|dockerDesktop/,
        "open Docker Desktop and wait until it says that it runs",
    ],
    [
        /podman/,
        "start Podman's socket (`systemctl --user start podman.socket`, on macOS `podman machine start`)",
    ],
    [
        /context rootless|\/run\/user\/\d+\/docker\.sock/,
        "start it: `systemctl --user start docker`",
    ],
];

/** The machine that a daemon is started on. */
export interface Machine {
    /** As `process.platform`. */
    readonly platform: NodeJS.Platform;
    /** As `os.release()`. */
    readonly release: string;
}

/**
 * Whether a daemon that does not answer may be installed and started. One that somebody has named is
 * never stood in for: a second one beside it has nothing of what is in it.
 *
 * @param installed whether Docker is there, and does not run
 */
export function mayProvide(host: DockerHost, machine: Machine, installed: boolean): boolean {
    return host.usual && machine.platform === "linux" && (installed || !isWsl(machine));
}

/** Whether this is Linux in Windows, where Docker Desktop brings the usual socket while it runs. */
function isWsl({ platform, release }: Machine): boolean {
    return platform === "linux" && /microsoft/i.test(release);
}

/** How a daemon that does not answer is started. */
export function startAdvice({ host, namedBy, usual }: DockerHost, machine: Machine): string {
    const colima = /context colima-(\S+)|\/\.colima\/([^/]+)\//.exec(`${namedBy} ${host}`);
    const profile = colima?.[1] ?? colima?.[2] ?? "default";
    if (colima || /\bcolima\b/.test(`${namedBy} ${host}`)) {
        return `start Colima (\`colima start${profile === "default" ? "" : ` ${profile}`}\`), then run this again`;
    }
    const [, start] = STARTS.find(([sign]) => sign.test(`${namedBy} ${host}`)) ?? [];
    if (start !== undefined) {
        return `${start}, then run this again`;
    }
    if (host.startsWith("ssh://")) {
        return `see that \`ssh ${host} docker version\` works without a question, then run this again`;
    }
    if (usual && isWsl(machine)) {
        return "start Docker Desktop and turn its WSL integration on for this distribution, or install Docker here; then run this again";
    }
    if (usual) {
        return machine.platform === "darwin"
            ? "open Docker Desktop or start Colima (`colima start`); where it is not the default, `docker context use NAME`; then run this again"
            : "start it (`sudo systemctl start docker`), or choose another (`docker context ls`, `docker context use NAME`), then run this again";
    }
    return `start it, or choose another daemon (${namedBy} names this one), then run this again`;
}

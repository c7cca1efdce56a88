/** What inspecting a container says, as the outputs of the resource. Pure. */

import type Docker from "dockerode";
import { asObjects, isObj, text } from "../../host/values";
import type { Json, Obj } from "../../host/values";
import { planned } from "../rules/state";
import type { ResourceRules } from "../rules/schema";
import { formatDuration } from "../rules/values";

const MIB = 1024 * 1024;
/** State of the schema that the real plugin would continue from. */
const META = '{"schema_version":"2"}';

/** Null in the state of a create or update without an input; a refresh finds them empty. */
const UNSET_WHEN_EMPTY = [
    "dns",
    "dnsOpts",
    "dnsSearches",
    "groupAdds",
    "logOpts",
    "storageOpts",
    "sysctls",
];

/** Fields the daemon sends that the client's types lack. */
type Config = Docker.ContainerInspectInfo["Config"] & { StopSignal?: string; StopTimeout?: number };

/** Which call asks: the real plugin leaves different nothings behind in each. */
export type Origin = "create" | "update" | "read";

export function containerOutputs(
    rules: ResourceRules,
    inspect: Docker.ContainerInspectInfo,
    inputs: Obj,
    state: Obj,
    origin: Origin,
): Obj {
    const decided = planned(rules, inputs, null);
    const outputs: Obj = {
        ...decided,
        ...fromInspect(inspect, decided, inputs, state),
        id: inspect.Id,
        __meta: META,
    };
    if (origin !== "read") {
        for (const key of UNSET_WHEN_EMPTY) {
            if (isEmpty(outputs[key]) && (inputs[key] ?? null) === null) {
                outputs[key] = null;
            }
        }
    }
    return origin === "create" ? outputs : withZeros(outputs);
}

/** What a create leaves out of a block, and an update and a refresh put in. */
export function withZeros(outputs: Obj): Obj {
    return {
        ...outputs,
        networksAdvanced: withZero(outputs.networksAdvanced, "gwPriority", 0),
        volumes: withZero(outputs.volumes, "readOnly", false),
    };
}

function fromInspect(
    inspect: Docker.ContainerInspectInfo,
    decided: Obj,
    inputs: Obj,
    state: Obj,
): Obj {
    const { HostConfig: host, State: live } = inspect;
    const config = inspect.Config as Config;
    const given = (key: string, read: Json): Json => decided[key] ?? read;
    const running = live.Running;
    const mustRun = inputs.mustRun !== false;
    return {
        name: inspect.Name.replace(/^\//, ""),
        // The form the program uses is kept: an id stays an id, a name a name.
        image: text(inputs.image ?? "").startsWith("sha256:") ? inspect.Image : config.Image,
        command: config.Cmd ?? [],
        entrypoints: entrypoint(config.Entrypoint),
        hostname: config.Hostname,
        domainname: config.Domainname,
        tty: config.Tty,
        stdinOpen: config.OpenStdin,
        stopSignal: config.StopSignal ?? "",
        stopTimeout: config.StopTimeout ?? 0,
        healthcheck: health(config),
        // These cannot change on a live container, and an image's own value is no drift.
        user: given("user", ""),
        workingDir: given("workingDir", ""),
        // Not read back by the real plugin either; decided here if not given.
        envs: given("envs", []),
        labels: given("labels", []),
        platform: given("platform", inspect.Platform),
        init: given("init", host.Init ?? false),
        rm: host.AutoRemove ?? false,
        privileged: host.Privileged ?? false,
        publishAllPorts: host.PublishAllPorts ?? false,
        readOnly: host.ReadonlyRootfs ?? false,
        restart: host.RestartPolicy?.Name || "no",
        maxRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
        memory: Math.trunc((host.Memory ?? 0) / MIB),
        memorySwap: swap(host.MemorySwap ?? 0),
        memoryReservation: Math.trunc((host.MemoryReservation ?? 0) / MIB),
        cpuShares: host.CpuShares ?? 0,
        cpuSet: host.CpusetCpus ?? "",
        shmSize: Math.trunc((host.ShmSize ?? 0) / MIB),
        networkMode: host.NetworkMode === "default" ? "bridge" : (host.NetworkMode ?? ""),
        ipcMode: host.IpcMode ?? "",
        usernsMode: host.UsernsMode ?? "",
        runtime: host.Runtime ?? "",
        securityOpts: strings(host.SecurityOpt),
        dns: host.Dns ?? [],
        dnsOpts: host.DnsOptions ?? [],
        dnsSearches: host.DnsSearch ?? [],
        groupAdds: host.GroupAdd ?? [],
        sysctls: host.Sysctls ?? {},
        storageOpts: host.StorageOpt ?? {},
        logDriver: host.LogConfig?.Type ?? "",
        logOpts: logOptions(host),
        bridge: (inspect.NetworkSettings as { Bridge?: string }).Bridge ?? "",
        networkDatas: networkDatas(inspect),
        exitCode: running ? null : live.ExitCode,
        containerLogs: state.containerLogs ?? null,
        // A container that is not running does not fulfil mustRun: the next diff starts it.
        mustRun: mustRun && running,
        ports: ports(inspect, inputs, state),
    };
}

function entrypoint(value: string | string[] | null | undefined): string[] {
    if (value === null || value === undefined || value === "") {
        return [];
    }
    return typeof value === "string" ? [value] : value;
}

function strings(value: unknown): string[] {
    return Array.isArray(value) ? value.map(String) : [];
}

function logOptions(host: Docker.HostConfig): Obj {
    const options: unknown = host.LogConfig?.Config;
    return typeof options === "object" && options !== null ? (options as Obj) : {};
}

/** Durations come back as Go prints them, which is why the program should write "1m0s", not "60s". */
function health(config: Docker.ContainerInspectInfo["Config"]): Json {
    const check = config.Healthcheck as
        (Docker.HealthConfig & { StartInterval?: number }) | null | undefined;
    if (!check?.Test) {
        return null;
    }
    return {
        tests: check.Test,
        interval: formatDuration(check.Interval ?? 0),
        timeout: formatDuration(check.Timeout ?? 0),
        startPeriod: formatDuration(check.StartPeriod ?? 0),
        startInterval: formatDuration(check.StartInterval ?? 0),
        retries: check.Retries ?? 0,
    };
}

function swap(bytes: number): number {
    return bytes > 0 ? Math.trunc(bytes / MIB) : bytes;
}

function networkDatas(inspect: Docker.ContainerInspectInfo): Obj[] {
    const networks = Object.entries(inspect.NetworkSettings.Networks ?? {});
    return networks
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([networkName, network]) => ({
            networkName,
            gateway: network.Gateway,
            ipAddress: network.IPAddress,
            ipPrefixLength: network.IPPrefixLen,
            ipv6Gateway: network.IPv6Gateway,
            globalIpv6Address: network.GlobalIPv6Address,
            globalIpv6PrefixLength: network.GlobalIPv6PrefixLen,
            macAddress: network.MacAddress,
        }));
}

/**
 * The ports that are really published: none on a stopped or disconnected container, which makes
 * the next diff replace it. With mustRun=false a stopped container is wanted, so they stay.
 */
function ports(inspect: Docker.ContainerInspectInfo, inputs: Obj, state: Obj): Json {
    const wanted = asObjects(inputs.ports);
    if (wanted.length === 0 && inputs.publishAllPorts === true) {
        return [];
    }
    if (!inspect.State.Running && inputs.mustRun === false) {
        return state.ports ?? inputs.ports ?? [];
    }
    const live: Obj[] = [];
    for (const [key, bindings] of Object.entries(inspect.NetworkSettings.Ports ?? {})) {
        const [internal, protocol = "tcp"] = key.split("/");
        for (const binding of bindings ?? []) {
            live.push({
                internal: Number(internal),
                external: Number(binding.HostPort),
                ip: binding.HostIp,
                protocol,
            });
        }
    }
    return inOrderOf(live, wanted);
}

/** In the order the program lists them, whatever the daemon's; unlisted ones last, by number. */
function inOrderOf(live: Obj[], wanted: Obj[]): Obj[] {
    const place = (port: Obj) => {
        const same = (w: Obj) =>
            w.internal === port.internal &&
            (w.protocol ?? "tcp") === port.protocol &&
            (w.external ?? port.external) === port.external &&
            (w.ip ?? port.ip) === port.ip;
        const at = wanted.findIndex(same);
        return at < 0 ? wanted.length : at;
    };
    return live.sort((a, b) => place(a) - place(b) || Number(a.internal) - Number(b.internal));
}

function withZero(value: Json | undefined, key: string, zero: Json): Json {
    return asObjects(value).map((item) => ({ ...item, [key]: item[key] ?? zero }));
}

function isEmpty(value: Json | undefined): boolean {
    if (Array.isArray(value)) {
        return value.length === 0;
    }
    return isObj(value) ? Object.keys(value).length === 0 : (value ?? null) === null;
}

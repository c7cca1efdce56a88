/** Container inputs -> the body of the Docker API's container create. Pure. */

import type Docker from "dockerode";
import {
    asNumber,
    asObjects,
    asString,
    asStringMap,
    asStrings,
    isObj,
    text,
} from "../../host/values";
import type { Json, Obj } from "../../host/values";
import { parseDuration } from "../rules/values";
import { flag, nonEmpty, pairs, pruned } from "./helpers";
import { portBindings } from "./networking";

const MIB = 1024 * 1024;

/** The engine API has a few fields that the client's types lack. */
export type CreateBody = Docker.ContainerCreateOptions & { platform?: string };

export function createBody(inputs: Obj): CreateBody {
    const ports = portBindings(asObjects(inputs.ports));
    return pruned({
        name: asString(inputs.name),
        platform: asString(inputs.platform),
        Image: asString(inputs.image),
        Hostname: asString(inputs.hostname),
        Domainname: asString(inputs.domainname),
        Cmd: asStrings(inputs.command),
        Entrypoint: asStrings(inputs.entrypoints),
        Env: asStrings(inputs.envs),
        User: asString(inputs.user),
        WorkingDir: asString(inputs.workingDir),
        Tty: flag(inputs.tty),
        OpenStdin: flag(inputs.stdinOpen),
        StopSignal: asString(inputs.stopSignal),
        StopTimeout: asNumber(inputs.stopTimeout),
        Labels: pairs(asObjects(inputs.labels), "label", "value"),
        Healthcheck: isObj(inputs.healthcheck) ? healthcheck(inputs.healthcheck) : undefined,
        ExposedPorts: ports && Object.fromEntries(Object.keys(ports).map((key) => [key, {}])),
        Volumes: anonymousVolumes(asObjects(inputs.volumes)),
        HostConfig: pruned({
            PortBindings: ports,
            ...isolation(inputs),
            ...storage(inputs),
            ...resources(inputs),
            ...networking(inputs),
        }),
    });
}

function isolation(inputs: Obj): Docker.HostConfig & { CgroupnsMode?: string } {
    const capabilities = isObj(inputs.capabilities) ? inputs.capabilities : {};
    return {
        Privileged: flag(inputs.privileged),
        ReadonlyRootfs: flag(inputs.readOnly),
        AutoRemove: flag(inputs.rm),
        Init: flag(inputs.init),
        CapAdd: asStrings(capabilities.adds),
        CapDrop: asStrings(capabilities.drops),
        SecurityOpt: asStrings(inputs.securityOpts),
        Sysctls: asStringMap(inputs.sysctls),
        GroupAdd: asStrings(inputs.groupAdds),
        IpcMode: asString(inputs.ipcMode),
        PidMode: asString(inputs.pidMode),
        UsernsMode: asString(inputs.usernsMode),
        CgroupnsMode: asString(inputs.cgroupnsMode),
        CgroupParent: asString(inputs.cgroupParent),
        Runtime: asString(inputs.runtime),
        RestartPolicy: restartPolicy(inputs),
    };
}

function storage(inputs: Obj): Docker.HostConfig {
    const volumes = asObjects(inputs.volumes);
    const mounts = asObjects(inputs.mounts);
    const from = volumes.filter((v) => v.fromContainer).map(volumesFrom);
    const log = asString(inputs.logDriver);
    const logOpts = asStringMap(inputs.logOpts);
    return {
        Binds: nonEmpty(volumes.filter((v) => v.hostPath || v.volumeName).map(bind)),
        VolumesFrom: nonEmpty(from),
        Mounts: nonEmpty(mounts.map(mountSettings)),
        Tmpfs: asStringMap(inputs.tmpfs),
        StorageOpt: asStringMap(inputs.storageOpts),
        ShmSize: mebibytes(inputs.shmSize),
        LogConfig: log || logOpts ? { Type: log ?? "", Config: logOpts ?? {} } : undefined,
    };
}

function resources(inputs: Obj): Docker.HostConfig {
    const cpus = asString(inputs.cpus);
    const config = {
        Memory: mebibytes(inputs.memory),
        MemoryReservation: mebibytes(inputs.memoryReservation),
        MemorySwap: swap(inputs.memorySwap),
        CpuShares: asNumber(inputs.cpuShares),
        CpusetCpus: asString(inputs.cpuSet),
        NanoCpus: cpus === undefined ? undefined : Math.round(Number(cpus) * 1e9),
        CpuPeriod: cpus === undefined ? asNumber(inputs.cpuPeriod) : undefined,
        CpuQuota: cpus === undefined ? asNumber(inputs.cpuQuota) : undefined,
        Ulimits: nonEmpty(
            asObjects(inputs.ulimits).map((u) => ({
                Name: text(u.name),
                Soft: Number(u.soft),
                Hard: Number(u.hard),
            })),
        ),
        Devices: nonEmpty(asObjects(inputs.devices).map(device)),
        DeviceCgroupRules: asStrings(inputs.deviceCgroupRules),
        DeviceRequests: nonEmpty(deviceRequests(inputs)),
        BlkioDeviceReadBps: nonEmpty(asObjects(inputs.deviceReadBps).map(rate)),
        BlkioDeviceWriteBps: nonEmpty(asObjects(inputs.deviceWriteBps).map(rate)),
        BlkioDeviceReadIOps: nonEmpty(asObjects(inputs.deviceReadIops).map(rate)),
        BlkioDeviceWriteIOps: nonEmpty(asObjects(inputs.deviceWriteIops).map(rate)),
    };
    return config;
}

function networking(inputs: Obj): Docker.HostConfig {
    return {
        NetworkMode: asString(inputs.networkMode),
        PublishAllPorts: flag(inputs.publishAllPorts),
        Dns: asStrings(inputs.dns),
        DnsOptions: asStrings(inputs.dnsOpts),
        DnsSearch: asStrings(inputs.dnsSearches),
        ExtraHosts: nonEmpty(asObjects(inputs.hosts).map((h) => `${text(h.host)}:${text(h.ip)}`)),
    };
}

/** What Docker can change on a live container. */
export function updateBody(inputs: Obj): Obj {
    const { Memory, MemoryReservation, MemorySwap, CpuShares, CpusetCpus } = resources(inputs);
    const all = {
        Memory,
        MemoryReservation,
        MemorySwap,
        CpuShares,
        CpusetCpus,
        RestartPolicy: restartPolicy(inputs),
    };
    return pruned(all) as unknown as Obj;
}

function restartPolicy(inputs: Obj): Docker.HostRestartPolicy {
    const count = asNumber(inputs.maxRetryCount);
    return pruned({ Name: asString(inputs.restart) ?? "no", MaximumRetryCount: count });
}

function healthcheck(input: Obj): Docker.HealthConfig {
    const ns = (key: string) => parseDuration(asString(input[key]) ?? "0s");
    const config = {
        Test: asStrings(input.tests) ?? [],
        Interval: ns("interval"),
        Timeout: ns("timeout"),
        StartPeriod: ns("startPeriod"),
        // Daemons before 25 refuse the field even when it is 0.
        StartInterval: ns("startInterval") || undefined,
        Retries: asNumber(input.retries),
    };
    return pruned(config);
}

function bind(volume: Obj): string {
    const source = asString(volume.hostPath) || asString(volume.volumeName);
    const options = [
        volume.readOnly === true ? "ro" : "rw",
        ...(volume.selinuxRelabel ? [asString(volume.selinuxRelabel)] : []),
    ];
    return `${source ?? ""}:${text(volume.containerPath)}:${options.join(",")}`;
}

function volumesFrom(volume: Obj): string {
    return `${text(volume.fromContainer)}${volume.readOnly === true ? ":ro" : ""}`;
}

/** A volume without a source is an anonymous one. */
function anonymousVolumes(volumes: Obj[]): Record<string, object> | undefined {
    const paths = volumes
        .filter((v) => !v.hostPath && !v.volumeName && !v.fromContainer)
        .map((v) => text(v.containerPath));
    return paths.length > 0 ? Object.fromEntries(paths.map((path) => [path, {}])) : undefined;
}

function mountSettings(mount: Obj): Docker.MountSettings {
    const { bindOptions, tmpfsOptions, volumeOptions } = mount;
    const driver = isObj(volumeOptions) && asString(volumeOptions.driverName);
    const settings = {
        Target: asString(mount.target),
        Type: asString(mount.type),
        Source: asString(mount.source),
        ReadOnly: flag(mount.readOnly),
        BindOptions: isObj(bindOptions)
            ? pruned({ Propagation: asString(bindOptions.propagation) })
            : undefined,
        TmpfsOptions: isObj(tmpfsOptions)
            ? pruned({
                  Mode: asNumber(tmpfsOptions.mode),
                  SizeBytes: asNumber(tmpfsOptions.sizeBytes),
              })
            : undefined,
        VolumeOptions: isObj(volumeOptions)
            ? pruned({
                  NoCopy: flag(volumeOptions.noCopy),
                  Subpath: asString(volumeOptions.subpath),
                  Labels: pairs(asObjects(volumeOptions.labels), "label", "value"),
                  DriverConfig: driver
                      ? { Name: driver, Options: asStringMap(volumeOptions.driverOptions) ?? {} }
                      : undefined,
              })
            : undefined,
    };
    return pruned(settings) as unknown as Docker.MountSettings;
}

function device(input: Obj): Docker.DeviceMapping {
    const path = text(input.hostPath);
    return {
        PathOnHost: path,
        PathInContainer: asString(input.containerPath) || path,
        CgroupPermissions: asString(input.permissions) || "rwm",
    };
}

function deviceRequests(inputs: Obj): Docker.DeviceRequest[] {
    const requests = asObjects(inputs.deviceRequests).map((request): Docker.DeviceRequest => {
        const capabilities = asStrings(request.capabilities);
        return pruned({
            Driver: asString(request.driver),
            Count: asNumber(request.count),
            DeviceIDs: asStrings(request.deviceIds),
            Capabilities: capabilities && [capabilities],
            Options: asStringMap(request.options),
        });
    });
    const gpus = asString(inputs.gpus);
    if (gpus === "all") {
        requests.push({ Count: -1, Capabilities: [["gpu"]] });
    } else if (gpus) {
        const ids = gpus.replace(/^device=/, "").split(",");
        requests.push({ DeviceIDs: ids, Capabilities: [["gpu"]] });
    }
    return requests;
}

function rate(input: Obj): { Path: string; Rate: number } {
    return { Path: text(input.path), Rate: Number(input.rate) };
}

function mebibytes(value: Json | undefined): number | undefined {
    const number = asNumber(value);
    return number === undefined ? undefined : number * MIB;
}

/** -1 is unlimited, anything else megabytes. */
function swap(value: Json | undefined): number | undefined {
    const number = asNumber(value);
    return number !== undefined && number > 0 ? number * MIB : number;
}

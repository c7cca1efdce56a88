/** `docker:index/container:Container` as data: types, defaults, what replaces, what is computed. */

import { isObj } from "../../host/values";
import type { Json } from "../../host/values";
import type { Fields, ResourceRules } from "./schema";
import { REPLACE, REPLACE_COMPUTED, bool, field, list, map, num, object, set, str } from "./schema";
import * as rule from "./values";

export type PluginVersion = "5.1.0" | "5.2.0";

const rate: Fields = { path: field.str({ required: true }), rate: field.num({ required: true }) };

const healthcheck: Fields = {
    tests: list("string", { required: true }),
    interval: field.str({ default: "0s", rule: rule.duration }),
    timeout: field.str({ default: "0s", rule: rule.duration }),
    startPeriod: field.str({ default: "0s", rule: rule.duration }),
    startInterval: field.str({ default: "0s", rule: rule.duration }),
    retries: field.num({ empty: 0, rule: rule.atLeast(0) }),
};

const mount: Fields = {
    target: field.str({ required: true }),
    type: field.str({ required: true, rule: rule.matches(/^(bind|volume|tmpfs|npipe|cluster)$/) }),
    source: field.str(),
    readOnly: field.bool(),
    bindOptions: object({ propagation: field.str() }),
    tmpfsOptions: object({ mode: field.num(), sizeBytes: field.num() }),
    volumeOptions: object({
        driverName: field.str(),
        driverOptions: map(),
        labels: set({ label: field.str({ required: true }), value: field.str({ required: true }) }),
        noCopy: field.bool(),
        subpath: field.str(),
    }),
};

const network: Fields = {
    name: field.str({ required: true }),
    aliases: field.strings(),
    driverOpts: field.strings(),
    gwPriority: field.num(),
    ipv4Address: field.str(),
    ipv6Address: field.str(),
    linkLocalIps: field.strings(),
    macAddress: field.str(),
};

const port: Fields = {
    internal: field.num({ required: true, rule: rule.port }),
    external: field.num({ computed: true, rule: rule.hostPort }),
    ip: field.str({ default: "0.0.0.0" }),
    protocol: field.str({ default: "tcp", rule: rule.matches(/^(tcp|udp|sctp)$/) }),
};

const volume: Fields = {
    containerPath: field.str(),
    fromContainer: field.str(),
    hostPath: field.str({ rule: rule.absolutePath }),
    volumeName: field.str(),
    readOnly: field.bool({ empty: null }),
    selinuxRelabel: field.str({ rule: rule.matches(/^(z|Z|)$/) }),
};

const upload: Fields = {
    file: field.str({ required: true, rule: rule.absolutePath }),
    content: field.str(),
    contentBase64: field.str(),
    source: field.str(),
    sourceHash: field.str(),
    executable: field.bool(),
    permissions: field.str({ rule: rule.octalMode }),
};

const uploadOwner: Fields = {
    owner: field.str({ rule: rule.numericOwner }),
    group: field.str({ rule: rule.numericOwner }),
};

const deviceRequest: Fields = {
    driver: field.str(),
    count: field.num({ empty: 0 }),
    deviceIds: field.strings(),
    capabilities: field.strings(),
    options: map(),
};

/** What the version has that 5.1.0 had not, and the other way round. */
const versions: Readonly<
    Record<PluginVersion, { healthcheck: boolean; props: Fields; upload: Fields }>
> = {
    "5.1.0": { healthcheck: false, props: {}, upload },
    "5.2.0": {
        healthcheck: true,
        props: { deviceCgroupRules: set("string", REPLACE) },
        upload: { ...upload, ...uploadOwner },
    },
};

/** The rules of the given plugin version. */
export function containerRules(version: PluginVersion): ResourceRules {
    const own = versions[version];
    return {
        autoname: true,
        deleteBeforeReplace: true,
        unimplemented: [],
        together,
        props: {
            attach: bool({ empty: false }),
            bridge: str({ output: true }),
            capabilities: object({ adds: field.strings(), drops: field.strings() }, REPLACE),
            cgroupParent: str(REPLACE),
            cgroupnsMode: str({ ...REPLACE, rule: rule.matches(/^(private|host)$/) }),
            command: list("string", REPLACE_COMPUTED),
            containerLogs: str({ output: true }),
            containerReadRefreshTimeoutMilliseconds: num({ default: 15000 }),
            cpuPeriod: num(),
            cpuQuota: num(),
            cpuSet: str({ rule: rule.matches(/^\d+([,-]\d+)*$/) }),
            cpuShares: num({ rule: rule.atLeast(0) }),
            cpus: str(REPLACE),
            destroyGraceSeconds: num({ rule: rule.atLeast(0) }),
            deviceReadBps: set(rate),
            deviceReadIops: set(rate),
            deviceWriteBps: set(rate),
            deviceWriteIops: set(rate),
            deviceRequests: list(deviceRequest, REPLACE),
            devices: set(
                {
                    hostPath: field.str({ required: true }),
                    containerPath: field.str(),
                    permissions: field.str({ rule: rule.matches(/^[rwm]*$/) }),
                },
                REPLACE,
            ),
            dns: set("string", REPLACE),
            dnsOpts: set("string", REPLACE),
            dnsSearches: set("string", REPLACE),
            domainname: str(REPLACE),
            entrypoints: list("string", REPLACE_COMPUTED),
            envs: set("string", { ...REPLACE_COMPUTED, rule: rule.envEntry }),
            exitCode: num({ output: true }),
            gpus: str({ ...REPLACE, rule: rule.gpus }),
            groupAdds: set("string", REPLACE),
            healthcheck: object(healthcheck, { computed: true, replace: own.healthcheck }),
            hostname: str(REPLACE_COMPUTED),
            hosts: set(
                { host: field.str({ required: true }), ip: field.str({ required: true }) },
                REPLACE,
            ),
            image: str({ ...REPLACE, required: true }),
            init: bool({ computed: true }),
            ipcMode: str(REPLACE_COMPUTED),
            labels: set(
                { label: field.str({ required: true }), value: field.str({ required: true }) },
                REPLACE_COMPUTED,
            ),
            logDriver: str(REPLACE_COMPUTED),
            logOpts: map(REPLACE),
            logs: bool({ empty: false }),
            maxRetryCount: num(),
            memory: num({ rule: rule.atLeast(0) }),
            memoryReservation: num({ empty: 0, rule: rule.atLeast(0) }),
            memorySwap: num({ rule: rule.atLeast(-1) }),
            mounts: set(mount, REPLACE),
            mustRun: bool({ default: true }),
            name: str({ ...REPLACE, required: true }),
            networkDatas: list("string", { output: true }),
            networkMode: str({ ...REPLACE, default: "bridge" }),
            networksAdvanced: set(network, REPLACE),
            pidMode: str(REPLACE),
            platform: str(REPLACE_COMPUTED),
            ports: list(port, REPLACE),
            privileged: bool(REPLACE),
            publishAllPorts: bool(REPLACE),
            readOnly: bool({ ...REPLACE, empty: false }),
            removeVolumes: bool({ default: true }),
            restart: str({
                default: "no",
                rule: rule.matches(/^(no|on-failure|always|unless-stopped)$/),
            }),
            rm: bool({ empty: false }),
            runtime: str(REPLACE_COMPUTED),
            securityOpts: set("string", REPLACE_COMPUTED),
            shmSize: num({ ...REPLACE_COMPUTED, rule: rule.atLeast(0) }),
            start: bool({ default: true }),
            stdinOpen: bool({ ...REPLACE, empty: false }),
            stopSignal: str(REPLACE_COMPUTED),
            stopTimeout: num(REPLACE_COMPUTED),
            storageOpts: map(REPLACE),
            sysctls: map(REPLACE),
            tmpfs: map(),
            tty: bool({ ...REPLACE, empty: false }),
            ulimits: set(
                {
                    name: field.str({ required: true }),
                    soft: field.num({ required: true }),
                    hard: field.num({ required: true }),
                },
                REPLACE,
            ),
            uploads: set(own.upload, REPLACE),
            user: str(REPLACE),
            usernsMode: str(REPLACE),
            volumes: set(volume, REPLACE),
            wait: bool({ empty: false }),
            waitTimeout: num({ default: 60, rule: rule.atLeast(1) }),
            workingDir: str(REPLACE),
            ...own.props,
        },
    };
}

/** An upload has exactly one origin of its bytes; `logs` needs `attach`. */
function together(inputs: { [key: string]: Json }): string[] {
    const failures: string[] = [];
    const uploads = Array.isArray(inputs.uploads) ? inputs.uploads : [];
    uploads.forEach((each, i) => {
        if (!isObj(each)) {
            return;
        }
        const given = ["content", "contentBase64", "source"].filter((k) => (each[k] ?? "") !== "");
        if (given.length > 1) {
            failures.push(`uploads[${i}]: only one of ${given.join(", ")} can be given`);
        }
    });
    if (inputs.logs === true && inputs.attach !== true) {
        failures.push("logs: saving the container's logs needs attach: true");
    }
    return failures;
}

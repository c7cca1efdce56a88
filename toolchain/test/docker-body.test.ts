import { describe, expect, it } from "vitest";
import { createBody, updateBody } from "../plugins/docker/translate/body";
import { endpointSettings } from "../plugins/docker/translate/networking";
import type { Json, Obj } from "../plugins/host/values";

const MIB = 1024 * 1024;

describe("each input in the body of the create", () => {
    it.each<[string, Json, object]>([
        ["command", ["a", "b"], { Cmd: ["a", "b"] }],
        ["entrypoints", ["a"], { Entrypoint: ["a"] }],
        ["envs", ["A=1"], { Env: ["A=1"] }],
        ["user", "1", { User: "1" }],
        ["workingDir", "/w", { WorkingDir: "/w" }],
        ["hostname", "h", { Hostname: "h" }],
        ["stopSignal", "SIGINT", { StopSignal: "SIGINT" }],
        ["stopTimeout", 3, { StopTimeout: 3 }],
        ["labels", [{ label: "a", value: "b" }], { Labels: { a: "b" } }],
        ["tty", true, { Tty: true }],
        ["stdinOpen", true, { OpenStdin: true }],
    ])("%s", (key, value, expected) => {
        expect(createBody({ [key]: value })).toMatchObject(expected);
    });

    it.each<[string, Json, object]>([
        ["privileged", true, { Privileged: true }],
        ["cgroupnsMode", "host", { CgroupnsMode: "host" }],
        [
            "capabilities",
            { adds: ["CAP_A"], drops: ["CAP_B"] },
            { CapAdd: ["CAP_A"], CapDrop: ["CAP_B"] },
        ],
        ["restart", "always", { RestartPolicy: { Name: "always" } }],
        ["memory", 512, { Memory: 512 * MIB }],
        ["memorySwap", -1, { MemorySwap: -1 }],
        ["memorySwap", 2, { MemorySwap: 2 * MIB }],
        ["cpus", "1.5", { NanoCpus: 1.5e9 }],
        ["shmSize", 128, { ShmSize: 128 * MIB }],
        ["tmpfs", { "/run": "size=1m" }, { Tmpfs: { "/run": "size=1m" } }],
        ["hosts", [{ host: "a", ip: "1.2.3.4" }], { ExtraHosts: ["a:1.2.3.4"] }],
        ["dns", ["1.1.1.1"], { Dns: ["1.1.1.1"] }],
        ["sysctls", { a: "b" }, { Sysctls: { a: "b" } }],
        ["securityOpts", ["no-new-privileges"], { SecurityOpt: ["no-new-privileges"] }],
        [
            "ulimits",
            [{ name: "nofile", soft: 1, hard: 2 }],
            { Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }] },
        ],
        [
            "logOpts",
            { "max-size": "1m" },
            { LogConfig: { Type: "", Config: { "max-size": "1m" } } },
        ],
        ["gpus", "all", { DeviceRequests: [{ Count: -1, Capabilities: [["gpu"]] }] }],
        [
            "gpus",
            "device=0,2",
            { DeviceRequests: [{ DeviceIDs: ["0", "2"], Capabilities: [["gpu"]] }] },
        ],
        [
            "deviceRequests",
            [{ driver: "cdi", deviceIds: ["a=b"] }],
            { DeviceRequests: [{ Driver: "cdi", DeviceIDs: ["a=b"] }] },
        ],
        ["deviceCgroupRules", ["c 1:3 rwm"], { DeviceCgroupRules: ["c 1:3 rwm"] }],
        [
            "devices",
            [{ hostPath: "/dev/null" }],
            {
                Devices: [
                    {
                        PathOnHost: "/dev/null",
                        PathInContainer: "/dev/null",
                        CgroupPermissions: "rwm",
                    },
                ],
            },
        ],
        ["volumes", [{ volumeName: "v", containerPath: "/d" }], { Binds: ["v:/d:rw"] }],
        [
            "volumes",
            [{ hostPath: "/h", volumeName: "v", containerPath: "/d", readOnly: true }],
            { Binds: ["/h:/d:ro"] },
        ],
        ["volumes", [{ fromContainer: "c", readOnly: true }], { VolumesFrom: ["c:ro"] }],
        [
            "mounts",
            [{ type: "tmpfs", target: "/m", tmpfsOptions: { mode: 511 } }],
            { Mounts: [{ Type: "tmpfs", Target: "/m", TmpfsOptions: { Mode: 511 } }] },
        ],
        [
            "ports",
            [{ internal: 80, external: 81, ip: "127.0.0.1", protocol: "tcp" }],
            { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "81" }] } },
        ],
    ])("%s %j", (key, value, expected) => {
        const host = createBody({ [key]: value }).HostConfig as Obj;
        expect(host).toMatchObject(expected);
    });

    it("nothing that was not asked for", () => {
        expect(createBody({ image: "a" })).toEqual({
            Image: "a",
            HostConfig: { RestartPolicy: { Name: "no" } },
        });
    });

    it("a port without a host port is left to the daemon, and all of them are exposed", () => {
        const body = createBody({ ports: [{ internal: 53, protocol: "udp" }, { internal: 80 }] });
        expect(Object.keys(body.ExposedPorts ?? {})).toEqual(["53/udp", "80/tcp"]);
        expect(body.HostConfig?.PortBindings).toMatchObject({
            "53/udp": [{ HostIp: "", HostPort: "" }],
        });
    });

    it("a volume without a source is an anonymous one", () => {
        expect(createBody({ volumes: [{ containerPath: "/d" }] }).Volumes).toEqual({ "/d": {} });
    });

    it("a health check in nanoseconds, without the field that old daemons refuse", () => {
        const healthcheck = {
            tests: ["CMD", "a"],
            interval: "1m30s",
            timeout: "5s",
            startInterval: "0s",
            retries: 3,
        };
        expect(createBody({ healthcheck }).Healthcheck).toEqual({
            Test: ["CMD", "a"],
            Interval: 90e9,
            Timeout: 5e9,
            StartPeriod: 0,
            Retries: 3,
        });
    });

    it("a network with address and aliases", () => {
        const settings = endpointSettings({
            name: "n",
            ipv4Address: "10.0.0.2",
            aliases: ["gw"],
            driverOpts: ["a=b=c"],
        });
        expect(settings).toEqual({
            IPAMConfig: { IPv4Address: "10.0.0.2" },
            Aliases: ["gw"],
            DriverOpts: { a: "b=c" },
        });
    });

    it("an update changes what Docker can change, and no more", () => {
        expect(
            updateBody({ memory: 1, restart: "always", privileged: true, hostname: "h" }),
        ).toEqual({
            Memory: MIB,
            RestartPolicy: { Name: "always" },
        });
    });
});

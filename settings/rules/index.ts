/** Rules between the keys of a configuration, checked once the schema has accepted every value by itself. */
import {
    CLUSTER_CIDR,
    DISK_RESOURCE,
    GPU_RUNTIME_CLASS,
    LOOPBACK,
    SCRIPTS_PATH,
    SERVICE_CIDR,
    WORKSPACE_VOLUME,
} from "../../model/constants";
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import { claimName, claimResource } from "../../model/names";
import { COMMON_MOUNTS } from "../../components/sandbox/podTemplate";
import { contains, formatBlock } from "../../model/ports";
import { overlaps, subnetOf } from "../../model/subnet";
import { checkEgress } from "./egress";
import { checkK3s } from "./k3s";
import { checkOutbound } from "./outbound";
import { checkPorts } from "./ports";
import { parseQuantity } from "../../model/quantity";
import { folder } from "../hostPath";
import type { Problem } from "../problems";
import type { ExistingClusterSettings, SandboxSettings, Settings } from "../schema";
import { checkGatewayVariables, checkSandboxVariables } from "./variables";

/** The problems of a configuration in which every value by itself is right. */
export function checkRules(settings: Settings): Problem[] {
    return [
        ...(settings.existingCluster
            ? checkExisting(settings.existingCluster)
            : checkGateway(settings)),
        ...Object.entries(settings.sandboxes).flatMap(([name, sandbox]) =>
            checkSandbox(`sandboxes.${name}`, sandbox, settings),
        ),
        ...checkOutbound(settings),
        ...checkClaimNames(settings),
        ...checkPorts(settings),
    ];
}

function checkGateway({ gateway }: Settings): Problem[] {
    const problems: Problem[] = [];
    if (contains(gateway.ports, gateway.apiPort)) {
        problems.push({
            key: "gateway.apiPort",
            got: gateway.apiPort,
            rule: `lie outside gateway.ports (${formatBlock(gateway.ports)})`,
            example: String(GATEWAY_DEFAULTS.apiPort),
        });
    }
    for (const inside of [CLUSTER_CIDR, SERVICE_CIDR]) {
        if (overlaps(gateway.subnet, subnetOf(inside))) {
            problems.push({
                key: "gateway.subnet",
                got: gateway.subnet.cidr,
                rule: `not overlap ${inside}, which Kubernetes uses inside`,
                example: GATEWAY_DEFAULTS.subnet,
            });
        }
    }
    if (gateway.memory !== undefined && parseQuantity(gateway.memory) < 2 ** 30) {
        problems.push({
            key: "gateway.memory",
            got: gateway.memory,
            rule: "be at least 1Gi: Kubernetes alone takes half of that",
            example: "8Gi",
        });
    }
    if (gateway.apiHost !== LOOPBACK && gateway.bindAddress === LOOPBACK) {
        problems.push({
            key: "gateway.apiHost",
            got: gateway.apiHost,
            rule: `go with a gateway.bindAddress that is reached from elsewhere (it is ${LOOPBACK})`,
            example: 'gateway.bindAddress: "0.0.0.0"',
        });
    }
    problems.push(...checkGatewayVariables(gateway), ...checkK3s(gateway));
    return problems;
}

/** Rules of an existing cluster. */
function checkExisting({ namespace, ingressFrom = [] }: ExistingClusterSettings): Problem[] {
    return ingressFrom.flatMap((from, index) =>
        from.namespace === namespace
            ? [
                  {
                      key: `existingCluster.ingressFrom[${index}].namespace`,
                      got: from.namespace,
                      rule: "not be existingCluster.namespace: the sandboxes in it would reach one another",
                      example: "ingress-nginx",
                  },
              ]
            : [],
    );
}

function checkSandbox(key: string, sandbox: SandboxSettings, settings: Settings): Problem[] {
    const { gateway, existingCluster } = settings;
    const problems: Problem[] = [];
    if (sandbox.openclaw !== undefined && sandbox.application !== "openclaw") {
        problems.push({
            key: `${key}.openclaw`,
            got: sandbox.openclaw,
            rule: "belong to the application openclaw",
            example: 'application: "openclaw"',
        });
    }
    if (sandbox.hostPort !== undefined && sandbox.application === undefined) {
        problems.push({
            key: `${key}.hostPort`,
            got: sandbox.hostPort,
            rule: "belong to an application: there is no port to publish",
            example: 'application: "openclaw"',
        });
    }
    // An existing cluster has a range of node ports of its own.
    const foreign = existingCluster !== undefined;
    if (!foreign && sandbox.hostPort !== undefined && !contains(gateway.ports, sandbox.hostPort)) {
        problems.push({
            key: `${key}.hostPort`,
            got: sandbox.hostPort,
            rule: `lie in gateway.ports (${formatBlock(gateway.ports)})`,
            example: String(gateway.ports.first),
        });
    }
    if (sandbox.hostPort !== undefined && existingCluster?.serviceType === "ClusterIP") {
        problems.push({
            key: `${key}.hostPort`,
            got: sandbox.hostPort,
            rule: "not be given with existingCluster.serviceType ClusterIP, which publishes nothing",
            example: "NodePort",
        });
    }
    if (!foreign && sandbox.gpus > 0 && gateway.gpus === undefined) {
        problems.push({
            key: `${key}.gpus`,
            got: sandbox.gpus,
            rule: "go with gateway.gpus: the gateway has none to give",
            example: 'gateway.gpus: "all"',
        });
    }
    problems.push(
        ...checkEgress(`${key}.egress`, sandbox.egress, settings),
        ...checkClaims(key, sandbox),
        ...checkSandboxVariables(key, sandbox),
    );
    if (sandbox.runtimeClass !== undefined && sandbox.gpus > 0) {
        problems.push({
            key: `${key}.runtimeClass`,
            got: sandbox.runtimeClass,
            rule: `not be given with gpus, which need ${GPU_RUNTIME_CLASS}`,
            example: "a sandbox without GPUs",
        });
    }
    for (const kind of ["cpu", "memory", DISK_RESOURCE] as const) {
        const request = sandbox.resources?.requests?.[kind];
        const limit = sandbox.resources?.limits?.[kind];
        if (request && limit && parseQuantity(request) > parseQuantity(limit)) {
            problems.push({
                key: `${key}.resources.requests.${kind}`,
                got: request,
                rule: `not exceed the limit of ${limit}`,
                example: limit,
            });
        }
    }
    return problems;
}

function checkClaims(key: string, { volumeClaimTemplates, workspaceSize }: SandboxSettings) {
    const problems: Problem[] = [];
    if (volumeClaimTemplates.length > 0 && workspaceSize !== undefined) {
        problems.push({
            key: `${key}.workspaceSize`,
            got: workspaceSize,
            rule: "not be given with volumeClaimTemplates, which take the place of the workspace",
            example: "the size of each template",
        });
    }
    const names = new Set(COMMON_MOUNTS.map(({ name }) => name));
    const paths = new Set(COMMON_MOUNTS.map(({ mountPath }) => mountPath));
    volumeClaimTemplates.forEach(({ name, mountPath }, index) => {
        const at = `${key}.volumeClaimTemplates[${index}]`;
        if (names.has(name)) {
            problems.push({
                key: `${at}.name`,
                got: name,
                rule: "be the name of no other volume of the sandbox",
                example: index === 0 ? WORKSPACE_VOLUME : `${WORKSPACE_VOLUME}-${index + 1}`,
            });
        }
        if (paths.has(folder(mountPath))) {
            problems.push({
                key: `${at}.mountPath`,
                got: mountPath,
                rule: "be where no other volume of the sandbox is mounted",
                example: `/data${index + 1}`,
            });
        }
        // Nothing can be mounted below /proc, or in a volume that is read-only.
        const closed = ["/proc", SCRIPTS_PATH].find((path) =>
            `${folder(mountPath)}/`.startsWith(`${path}/`),
        );
        if (closed !== undefined && !paths.has(folder(mountPath))) {
            problems.push({
                key: `${at}.mountPath`,
                got: mountPath,
                rule: `not lie in ${closed}, where nothing can be mounted`,
                example: `/data${index + 1}`,
            });
        }
        names.add(name);
        paths.add(folder(mountPath));
    });
    return problems;
}

/** Claims of two sandboxes must not get one name, in Kubernetes or in the state: names are joined by dashes. */
function checkClaimNames({ sandboxes }: Settings): Problem[] {
    const owners = new Map<string, string>();
    return Object.entries(sandboxes).flatMap(([sandbox, { volumeClaimTemplates }]) => {
        const own = volumeClaimTemplates.map(({ name }, index) => ({
            name,
            key: `sandboxes.${sandbox}.volumeClaimTemplates[${index}].name`,
        }));
        const workspace = { name: WORKSPACE_VOLUME, key: `sandboxes.${sandbox}` };
        return (own.length > 0 ? own : [workspace]).flatMap(({ name, key }) => {
            const names = [
                `claim ${claimName(name, sandbox)}`,
                `resource ${claimResource(sandbox, name)}`,
            ];
            const owner = names
                .map((each) => owners.get(each))
                .find((found) => found !== undefined && found !== sandbox);
            names.forEach((each) => owners.set(each, owners.get(each) ?? sandbox));
            return owner === undefined
                ? []
                : [
                      {
                          ...{ key, got: `${name} of ${sandbox}` },
                          rule: `differ from a claim of sandboxes.${owner} also when both names are joined by a dash`,
                          example: "another name of the claim or of the sandbox",
                      },
                  ];
        });
    });
}

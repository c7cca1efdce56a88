/** A sandbox: one agent, its workspace, and the address it is reached at. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Application, Resources } from "./applications/application";
import { claimTemplates, createClaims, workspaceTemplate, type ClaimTemplate } from "./claims";
import { objectOptions, type Cluster } from "../cluster/cluster";
import * as constants from "../../model/constants";
import { closedNetworks, opensClosed, sandboxPolicy, type Egress } from "../cluster/networkPolicy";
import type { Outbound } from "../outbound/outboundProxy";
import { DEFAULT_RESOURCES, podTemplate, withDisk, type Placement } from "./podTemplate";
import { mergeResources } from "./resources";
import { configHash, deriveToken, fileData, secretData } from "./data";
import { publish } from "./service";

/** What a sandbox is. Plain values decide which resources exist or what they are called. */
export interface SandboxArgs {
    /** Where it runs. */
    readonly cluster: Cluster;
    /** Image of the agent; its `/sandbox` seeds the workspace once. */
    readonly image: string;
    /** Whether it runs while its cluster does. @default true */
    readonly running?: boolean;
    /** What runs in it. @default the image's own entrypoint and command, no port */
    readonly application?: Application;
    /** Port in the cluster's block on which the application is published. @default the next free one */
    readonly hostPort?: number;
    /** Environment variables in clear. @default none */
    readonly env?: Readonly<Record<string, string>>;
    /** Environment variables whose values are secret. @default none */
    readonly secretEnv?: pulumi.Input<Readonly<Record<string, string>>>;
    /** Requests and limits, each by itself. @default the application's, else `DEFAULT_RESOURCES` */
    readonly resources?: Resources;
    /** GPUs; the gateway has to have some. @default 0 */
    readonly gpus?: number;
    /** Size of the workspace, a Kubernetes quantity. @default 2Gi */
    readonly workspaceSize?: string;
    /** Claims instead of the workspace, which then is neither made nor seeded. @default none */
    readonly volumeClaimTemplates?: readonly ClaimTemplate[];
    /** Which nodes of a cluster it may run on. @default any */
    readonly placement?: Placement;
    /** Seconds an update waits for it to be ready, before it is reported. @default 300 */
    readonly startTimeoutSeconds?: number;
    /** User id of the agent. @default 1000 */
    readonly user?: number;
    /** Group id of the agent. @default the image's for the user, else 0 */
    readonly group?: number;
    /** Runtime class of the cluster, such as gvisor. @default the node's own */
    readonly runtimeClass?: string;
    /** Whether its users are nobody on the node; needs Kubernetes 1.33 and containerd 2. @default false */
    readonly userNamespace?: boolean;
    /** Whether it may write to its claims and /tmp alone. @default false */
    readonly readOnlyRoot?: boolean;
    /** Raise it to make a new token, in place. @default 1 */
    readonly tokenGeneration?: number;
    /** Destinations it may reach. @default none */
    readonly egress?: readonly Egress[];
    /** Whether it resolves names, by which data can leave it as well. @default with any `egress` */
    readonly dns?: boolean;
    /** Its way out by names, and to its model: what an `OutboundProxy` says of it. @default none */
    readonly outbound?: Outbound;
    /**
     * OpenAI-compatible endpoint, as INFERENCE_BASE_URL and INFERENCE_API_KEY. Where `outbound` leads to
     * it, the first names the proxy, and nothing else of it enters the sandbox. @default none
     */
    readonly inference?: {
        readonly baseUrl: pulumi.Input<string>;
        readonly apiKey: pulumi.Input<string>;
        readonly model: string;
    };
}

/** One agent in one pod, with a workspace that survives it. */
export class Sandbox extends pulumi.ComponentResource {
    /** Where the application's page is. @default undefined without an application */
    readonly url: pulumi.Output<string | undefined>;
    /** The same with the token, when the application takes one: whoever has it is let in. */
    readonly tokenUrl: pulumi.Output<string | undefined>;
    /** Token of this sandbox, 32 random bytes in hex. */
    readonly token: pulumi.Output<string>;
    /** Names of the claims that hold its data. */
    readonly claims: pulumi.Output<string[]>;

    constructor(name: string, args: SandboxArgs, opts?: pulumi.ComponentResourceOptions) {
        super(`${constants.TYPE_PREFIX}:Sandbox`, name, describe(args), opts);
        const { cluster, application } = args;
        checkEgress(args);
        const labels = {
            [constants.LABEL_SANDBOX]: name,
            [constants.LABEL_MANAGED_BY]: constants.MANAGED_BY,
        };
        const metadata = (objectName: string) => ({
            name: objectName,
            namespace: cluster.namespace,
            labels,
        });
        const child = objectOptions(cluster, this);

        const seed = new random.RandomBytes(`${name}-token`, { length: 32 }, { parent: this });
        this.token = pulumi.secret(
            seed.hex.apply((secret) => deriveToken(secret, args.tokenGeneration ?? 1)),
        );
        const own = args.volumeClaimTemplates ?? [];
        const templates = own.length > 0 ? own : [workspaceTemplate(args.workspaceSize)];
        const claims = createClaims(name, cluster, templates, sizeKey(name, own), {
            metadata,
            claim: child,
            size: { parent: this },
        });
        this.claims = pulumi.all(claims.map((claim) => claim.metadata.name));

        const address =
            application &&
            publish(
                {
                    sandbox: name,
                    cluster,
                    port: application.port,
                    hostPort: args.hostPort,
                    metadata: metadata(name),
                },
                child,
            );

        const secrets = secretData(args, this.token);
        const files = fileData(args, address);
        const secret = new k8s.core.v1.Secret(
            `${name}-secret`,
            { metadata: metadata(name), stringData: secrets },
            child,
        );
        const config = new k8s.core.v1.ConfigMap(
            `${name}-config`,
            { metadata: metadata(name), data: files.config },
            child,
        );
        const secretFiles =
            files.secret &&
            new k8s.core.v1.Secret(
                `${name}-files`,
                // A name that no sandbox can have, whose own Secret is called like it.
                { metadata: metadata(`${name}.files`), stringData: files.secret },
                // It holds what the configuration says, and goes with what says it.
                { ...child, protect: false },
            );
        new k8s.networking.v1.NetworkPolicy(
            `${name}-network`,
            {
                metadata: metadata(name),
                spec: sandboxPolicy({
                    sandbox: name,
                    ...(application ? { port: application.port } : {}),
                    internalNetworks: cluster.internalNetworks,
                    ...(cluster.ownNetworks && { ownNetworks: cluster.ownNetworks }),
                    ...(cluster.clientNetworks && { clientNetworks: cluster.clientNetworks }),
                    ...(cluster.hostAddresses && { hostAddresses: cluster.hostAddresses }),
                    ingressFrom: cluster.ingressFrom ?? [],
                    egress: args.egress ?? [],
                    ...(args.outbound && { proxied: args.outbound }),
                    ...(args.dns === undefined ? {} : { dns: args.dns }),
                }),
            },
            child,
        );
        const timeout = (usual: number) => `${args.startTimeoutSeconds ?? usual}s`;
        new k8s.apps.v1.StatefulSet(
            `${name}-agent`,
            {
                metadata: {
                    ...metadata(name),
                    annotations: {
                        // What a killed run has made is made again under another manager's name, and
                        // its claim templates never look the same: Kubernetes has filled them in.
                        "pulumi.com/patchForce": "true",
                        ...(cluster.revision && {
                            [constants.ANNOTATION_REVISION]: cluster.revision,
                        }),
                    },
                },
                spec: {
                    serviceName: name,
                    // In order, Kubernetes leaves a pod that never got ready as it is, also once its
                    // template is mended.
                    podManagementPolicy: "Parallel",
                    replicas: cluster.running && (args.running ?? true) ? 1 : 0,
                    selector: { matchLabels: { [constants.LABEL_SANDBOX]: name } },
                    template: podTemplate({
                        sandbox: name,
                        image: args.image,
                        ...(application ? { application } : {}),
                        env: args.env ?? {},
                        user: args.user ?? 1000,
                        ...(args.group === undefined ? {} : { group: args.group }),
                        ...(args.runtimeClass === undefined
                            ? {}
                            : { runtimeClass: args.runtimeClass }),
                        userNamespace: args.userNamespace ?? false,
                        readOnlyRoot: args.readOnlyRoot ?? false,
                        fsGroup: cluster.fsGroup,
                        resources: mergeResources(
                            args.resources,
                            withDisk(application?.resources ?? DEFAULT_RESOURCES),
                        ),
                        gpus: args.gpus ?? 0,
                        mounts: templates,
                        seeded: own.length === 0,
                        placement: args.placement ?? {},
                        ...(args.outbound && {
                            outbound: {
                                ...args.outbound,
                                inference: args.outbound.inferenceUrl !== undefined,
                            },
                        }),
                        gate: cluster.gate,
                        labels,
                        configHash: configHash(files, secrets, this.token),
                        configMap: config.metadata.name,
                        ...(secretFiles ? { secretFiles: secretFiles.metadata.name } : {}),
                        secret: secret.metadata.name,
                    }),
                    volumeClaimTemplates: claimTemplates(name, cluster, templates, {
                        parent: this,
                    }),
                },
            },
            // The templates have done their work once the claims exist. A change of either is a replacement.
            {
                ...child,
                dependsOn: claims,
                ignoreChanges: ["spec.volumeClaimTemplates", "spec.podManagementPolicy"],
                // A sandbox that does not start is reported while someone still watches.
                customTimeouts: {
                    create: timeout(constants.FIRST_START_TIMEOUT_SECONDS),
                    update: timeout(constants.START_TIMEOUT_SECONDS),
                },
            },
        );

        const base = address?.apply(({ host, port, ownName = host }) =>
            application?.atAddress ? `http://${host}:${port}` : `http://${ownName}:${port}`,
        );
        const path = application?.path ?? "/";
        this.url = pulumi.output(base?.apply((url) => url + path));
        this.tokenUrl = pulumi.output(
            base &&
                pulumi
                    .all([base, this.token])
                    .apply(
                        ([url, token]) =>
                            application?.tokenUrl && url + application.tokenUrl(token),
                    ),
        );
        this.registerOutputs({ url: this.url, tokenUrl: this.tokenUrl, claims: this.claims });
    }
}

/** What the program's settings have checked already, and others' have not. */
function checkEgress({ cluster, egress = [] }: SandboxArgs): void {
    const closed = closedNetworks(cluster);
    egress.forEach((rule, index) => {
        const network = opensClosed(rule, closed);
        if (network !== undefined) {
            throw new pulumi.InputPropertyError({
                propertyPath: `egress[${index}]`,
                reason: `got ${JSON.stringify(rule)}; must not open ${network}, which is closed to sandboxes, but for a single address with ports, such as { cidr: "172.30.18.1/32", ports: [11434] }`,
            });
        }
    });
}

/** What the component records as its inputs: what it is, not whether it runs. */
function describe(args: SandboxArgs): pulumi.Inputs {
    const { hostPort, workspaceSize, user } = args;
    return { hostPort, workspaceSize, user };
}

/** Where a claim's size stands in the configuration. */
function sizeKey(name: string, own: readonly ClaimTemplate[]) {
    return (template: ClaimTemplate) => {
        const index = own.indexOf(template);
        return index < 0
            ? `sandboxes.${name}.workspaceSize`
            : `sandboxes.${name}.volumeClaimTemplates[${index}].size`;
    };
}

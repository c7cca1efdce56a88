/** A sandbox: one agent, its workspace, and the address it is reached at. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Application, Resources } from "./application";
import type { Cluster } from "./cluster";
import * as constants from "./constants";
import { claimName } from "./names";
import { sandboxPolicy, type Egress } from "./networkPolicy";
import { DEFAULT_RESOURCES, podTemplate } from "./podTemplate";
import { configData, configHash, deriveToken, secretData } from "./sandboxData";
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
    /** Requests and limits. @default the application's, else `DEFAULT_RESOURCES` */
    readonly resources?: Resources;
    /** Size of the workspace, a Kubernetes quantity. @default 2Gi */
    readonly workspaceSize?: string;
    /** User id of the agent. @default 1000 */
    readonly user?: number;
    /** Raise it to make a new token, in place. @default 1 */
    readonly tokenGeneration?: number;
    /** Destinations it may reach besides DNS. @default none */
    readonly egress?: readonly Egress[];
    /** OpenAI-compatible endpoint, as INFERENCE_BASE_URL and INFERENCE_API_KEY. @default none */
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
    /** Name of the claim that holds the workspace. */
    readonly claim: pulumi.Output<string>;

    constructor(name: string, args: SandboxArgs, opts?: pulumi.ComponentResourceOptions) {
        super(`${constants.TYPE_PREFIX}:Sandbox`, name, describe(args), opts);
        const { cluster, application } = args;
        const labels = {
            [constants.LABEL_SANDBOX]: name,
            [constants.LABEL_MANAGED_BY]: constants.MANAGED_BY,
        };
        const metadata = (objectName: string) => ({
            name: objectName,
            namespace: cluster.namespace,
            labels,
        });
        const child: pulumi.CustomResourceOptions = {
            parent: this,
            provider: cluster.provider,
            ...(cluster.storage ? { deletedWith: cluster.storage } : {}),
        };

        const seed = new random.RandomBytes(`${name}-token`, { length: 32 }, { parent: this });
        this.token = pulumi.secret(
            seed.hex.apply((secret) => deriveToken(secret, args.tokenGeneration ?? 1)),
        );
        const claim = new k8s.core.v1.PersistentVolumeClaim(
            `${name}-workspace`,
            {
                metadata: metadata(claimName(constants.WORKSPACE_VOLUME, name)),
                spec: claimSpec(cluster, workspaceSize(name, args, { parent: this })),
            },
            child,
        );
        this.claim = claim.metadata.name;

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
        const files = configData(args, address);
        const secret = new k8s.core.v1.Secret(
            `${name}-secret`,
            { metadata: metadata(name), stringData: secrets },
            child,
        );
        const config = new k8s.core.v1.ConfigMap(
            `${name}-config`,
            { metadata: metadata(name), data: files },
            child,
        );
        new k8s.networking.v1.NetworkPolicy(
            `${name}-network`,
            {
                metadata: metadata(name),
                spec: sandboxPolicy({
                    sandbox: name,
                    ...(application ? { port: application.port } : {}),
                    internalNetworks: cluster.internalNetworks,
                    egress: args.egress ?? [],
                }),
            },
            child,
        );
        new k8s.apps.v1.StatefulSet(
            `${name}-agent`,
            {
                metadata: metadata(name),
                spec: {
                    serviceName: name,
                    replicas: cluster.running && (args.running ?? true) ? 1 : 0,
                    selector: { matchLabels: { [constants.LABEL_SANDBOX]: name } },
                    template: podTemplate({
                        sandbox: name,
                        image: args.image,
                        ...(application ? { application } : {}),
                        env: args.env ?? {},
                        user: args.user ?? 1000,
                        resources: args.resources ?? application?.resources ?? DEFAULT_RESOURCES,
                        labels,
                        configHash: configHash(files, secrets, this.token),
                        configMap: config.metadata.name,
                        secret: secret.metadata.name,
                    }),
                    volumeClaimTemplates: [
                        {
                            metadata: { name: constants.WORKSPACE_VOLUME },
                            spec: claimSpec(
                                cluster,
                                args.workspaceSize ?? constants.WORKSPACE_SIZE,
                            ),
                        },
                    ],
                },
            },
            // The template has done its work once the claim exists; a change of it is a replacement.
            {
                ...child,
                dependsOn: [claim],
                ignoreChanges: ["spec.volumeClaimTemplates"],
                // A sandbox that does not start is reported while someone still watches.
                customTimeouts: { create: "5m", update: "5m" },
            },
        );

        const base = address?.apply(({ host, port }) => `http://${host}:${port}`);
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
        this.registerOutputs({ url: this.url, tokenUrl: this.tokenUrl, claim: this.claim });
    }
}

/** What the component records as its inputs: what it is, not whether it runs. */
function describe(args: SandboxArgs): pulumi.Inputs {
    const { hostPort, workspaceSize, user } = args;
    return { hostPort, workspaceSize, user };
}

function claimSpec(
    cluster: Cluster,
    size: pulumi.Input<string>,
): k8s.types.input.core.v1.PersistentVolumeClaimSpec {
    return {
        accessModes: ["ReadWriteOnce"],
        storageClassName: cluster.storageClass,
        resources: { requests: { storage: size } },
    };
}

/**
 * Size to ask for. Where the storage cannot grow, the first size is kept in state, so that another one
 * is refused by the preview and not by Kubernetes halfway through an update.
 */
function workspaceSize(
    name: string,
    args: SandboxArgs,
    opts: pulumi.CustomResourceOptions,
): pulumi.Input<string> {
    const wanted = args.workspaceSize ?? constants.WORKSPACE_SIZE;
    if (args.cluster.canGrow) {
        return wanted;
    }
    const first = new pulumi.Stash(
        `${name}-workspace-size`,
        { input: wanted },
        { ...opts, ignoreChanges: ["input"] },
    );
    return (first.output as pulumi.Output<string>).apply((size) => {
        if (size !== wanted) {
            throw new pulumi.RunError(
                `sandboxes.${name}.workspaceSize: got ${JSON.stringify(wanted)}; must stay ${size}: the gateway's storage cannot change the size of a claim (nor does it limit one)`,
            );
        }
        return size;
    });
}

/** Runs the program, or a piece of it, against recorded resources instead of an engine. */
import * as pulumi from "@pulumi/pulumi";
import type * as rpc from "@pulumi/pulumi/proto/resource_pb";

/** One resource as the engine would have been asked for it. */
export interface Recorded {
    readonly type: string;
    readonly name: string;
    readonly inputs: Record<string, unknown>;
    readonly provider: string;
    /** Properties that the program leaves to others once the resource is there. */
    readonly ignoreChanges: readonly string[];
    /** Names of the resources that it comes after. */
    readonly dependsOn: readonly string[];
    /** What runs before the resource is made, and whether a preview runs it too. */
    readonly beforeCreate: readonly { readonly name: string; readonly onDryRun: boolean }[];
    /** Whether it stays when the program has it no more. */
    readonly retainOnDelete: boolean;
    /** A change of it replaces the resource. */
    readonly replacementTrigger?: unknown;
}

/** What is there of the Services when the program runs, or what a preview makes of them. */
export type Services =
    /** They are stored; Kubernetes has picked a port for each. */
    | "stored"
    /** Previewed without an API server: the provider gives the inputs back. */
    | "inputs"
    /** Previewed by the API server's dry run, which makes a node port up and stores nothing. */
    | "dry run";

const STACK_FRAMES = Error.stackTraceLimit;

const SECRET = "4dabf18193072939515e22adb298388d";

/** What each Stash was first given, by name. */
export type Stashed = Map<string, unknown>;

/** Outputs by type that differ from the inputs, as an earlier version left them. */
export type Found = Readonly<Record<string, object>>;

/** Values the real providers give back that the program reads. */
function outputsOf(
    type: string,
    name: string,
    inputs: Record<string, unknown>,
    services: Services,
    stashed: Stashed,
): Record<string, unknown> {
    switch (type) {
        case "docker:index/remoteImage:RemoteImage":
            return { ...inputs, imageId: `sha256:of-${String(inputs["name"])}` };
        case "random:index/randomBytes:RandomBytes":
            return { ...inputs, hex: "5e".repeat(inputs["length"] as number) };
        case "pulumi:index:Stash":
            if (!stashed.has(name)) {
                stashed.set(name, inputs["input"]);
            }
            return { ...inputs, output: stashed.get(name) };
        case "kubernetes:core/v1:Service":
            return serviceOf(inputs as unknown as Service, services);
        default:
            return inputs;
    }
}

interface Service {
    readonly metadata: object;
    readonly spec: { readonly ports: readonly { readonly nodePort?: number }[] };
}

function serviceOf({ metadata, spec, ...rest }: Service, services: Services) {
    const ported = (nodePort: number) => ({
        ...spec,
        ports: spec.ports.map((port) => ({ nodePort, ...port })),
    });
    switch (services) {
        case "stored":
            return {
                ...rest,
                metadata: { ...metadata, resourceVersion: "7" },
                spec: ported(18800),
            };
        case "inputs":
            return { ...rest, metadata, spec };
        case "dry run":
            // portallocator/operation.go: whatever range the cluster has.
            return { ...rest, metadata, spec: ported(32769) };
    }
}

/**
 * Starts recording; everything registered from now on ends up in the returned list.
 *
 * @param stashed kept from an earlier run, as the state would; @default nothing
 * @param found what is there of a type, other than the inputs; @default nothing
 */
export async function record(
    preview = false,
    services: Services = preview ? "inputs" : "stored",
    stashed: Stashed = new Map(),
    found: Found = {},
): Promise<Recorded[]> {
    // The SDK takes a stack for each resource and each promise, which would be half of the time.
    Error.stackTraceLimit = 0;
    const recorded: Recorded[] = [];
    const options = new Map<string, Options>();
    await pulumi.runtime.setMocks(
        {
            newResource: ({ type, name, inputs, provider, id }) => {
                recorded.push({
                    type,
                    name,
                    inputs: inputs as Recorded["inputs"],
                    provider: provider ?? "",
                    ...(options.get(`${type} ${name}`) ?? NO_OPTIONS),
                });
                return {
                    id: id || `${name}-id`,
                    state: {
                        ...outputsOf(type, name, inputs as Recorded["inputs"], services, stashed),
                        ...found[type],
                    },
                };
            },
            call: ({ token }) => {
                throw new Error(`unexpected call of ${token}`);
            },
        },
        "sandbox-gateway",
        "test",
        preview,
    );
    watchOptions(options);
    return recorded;
}

type Options = Pick<
    Recorded,
    "ignoreChanges" | "beforeCreate" | "dependsOn" | "retainOnDelete" | "replacementTrigger"
>;

const NO_OPTIONS: Options = {
    ignoreChanges: [],
    beforeCreate: [],
    dependsOn: [],
    retainOnDelete: false,
};

/** The SDK's mocks pass no options on, and take no hook. */
function watchOptions(options: Map<string, Options>): void {
    const monitor = pulumi.runtime.getMonitor() as unknown as {
        registerResource: (
            request: rpc.RegisterResourceRequest,
            callback: unknown,
        ) => Promise<void>;
        registerResourceHook: (
            request: rpc.RegisterResourceHookRequest,
            callback: (error: null) => void,
        ) => void;
    };
    const previewed = new Map<string, boolean>();
    monitor.registerResourceHook = (request, callback) => {
        previewed.set(request.getName(), request.getOnDryRun());
        callback(null);
    };
    const register = monitor.registerResource.bind(monitor);
    monitor.registerResource = (request, callback) => {
        const hooks = request.getHooks()?.getBeforeCreateList() ?? [];
        options.set(`${request.getType()} ${request.getName()}`, {
            ignoreChanges: request.getIgnorechangesList(),
            retainOnDelete: request.getRetainondelete() === true,
            dependsOn: request.getDependenciesList().map((urn) => urn.split("::").at(-1) ?? ""),
            beforeCreate: hooks.map((name) => ({ name, onDryRun: previewed.get(name) === true })),
            ...(request.hasReplacementTrigger()
                ? { replacementTrigger: request.getReplacementTrigger()?.toJavaScript() }
                : {}),
        });
        return register(request, callback);
    };
}

/** Waits until everything registered so far has been recorded. */
export async function drain(): Promise<void> {
    try {
        await pulumi.runtime.disconnect();
    } finally {
        Error.stackTraceLimit = STACK_FRAMES;
    }
}

/** The one resource of a type, with a name if there are several. */
export function find(recorded: readonly Recorded[], type: string, name?: string): Recorded {
    const found = recorded.filter(
        (r) => r.type === type && (name === undefined || r.name === name),
    );
    if (found.length !== 1) {
        const known = recorded.map((r) => `${r.type} ${r.name}`).join("\n");
        throw new Error(`${found.length} resources are ${type} ${name ?? ""}; recorded:\n${known}`);
    }
    return found[0] as Recorded;
}

/** Whether a value went to the engine as a secret. */
export function isSecret(value: unknown): boolean {
    return typeof value === "object" && value !== null && SECRET in value;
}

/** A value as the provider will see it, secrets opened at every depth. */
export function plain(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(plain);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    if (isSecret(value)) {
        return plain((value as { value: unknown }).value);
    }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

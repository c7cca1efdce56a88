/** `docker:index/container:Container`. */

import { Cancelled, InitFailure, PluginError } from "../../host/plugin";
import type {
    CallContext,
    CheckRequest,
    CheckResult,
    Created,
    DiffRequest,
    DiffResult,
    ReadResult,
    Resource,
} from "../../host/plugin";
import { asNumber, asObjects, asString, canonical, text } from "../../host/values";
import type { Json, Obj } from "../../host/values";
import { daemonMessage, statusCode } from "../client";
import type { Daemon } from "../daemon";
import { check } from "../rules/check";
import { containerRules } from "../rules/container";
import type { PluginVersion } from "../rules/container";
import { diff } from "../rules/diff";
import type { ResourceRules } from "../rules/schema";
import { inputsFrom, planned, previewed } from "../rules/state";
import { createBody, updateBody } from "../translate/body";
import { endpointSettings } from "../translate/networking";
import { containerOutputs, withZeros } from "../translate/outputs";
import { uploadArchive } from "../translate/upload";
import { findImage } from "./image";
import { inspect, logsOf, untilEnded, untilHealthy, untilRunning } from "./waiting";

/** What Docker can change on a live container. */
const LIVE = [
    "restart",
    "maxRetryCount",
    "memory",
    "memoryReservation",
    "memorySwap",
    "cpuShares",
    "cpuSet",
];
/** Recorded by an update but, as with the real plugin, without effect on the live container. */
const ONLY_RECORDED = [
    "cpuPeriod",
    "cpuQuota",
    "deviceReadBps",
    "deviceReadIops",
    "deviceWriteBps",
    "deviceWriteIops",
    "healthcheck",
    "init",
    "rm",
    "start",
    "tmpfs",
];

/** Decided by the daemon, and none in the state of a create that failed. */
const EMPTY_UNREAD = ["envs", "labels", "securityOpts"];

const REMOVAL_MS = 30_000;

export class Container implements Resource {
    private readonly rules: ResourceRules;

    constructor(
        private readonly daemon: Daemon,
        version: PluginVersion,
    ) {
        this.rules = containerRules(version);
    }

    check(request: CheckRequest): CheckResult {
        return check(this.rules, request);
    }

    diff(request: DiffRequest): DiffResult {
        const found = diff(this.rules, request);
        if (!neverRead(request.state)) {
            return found;
        }
        const detailed = new Map(found.detailed);
        return {
            ...found,
            detailed: detailed.set("networkDatas", { kind: "ADD", replace: false }),
        };
    }

    preview(inputs: Obj, state: Obj | undefined): Obj {
        return previewed(this.rules, inputs, state);
    }

    async create(context: CallContext, inputs: Obj): Promise<Created> {
        const id = await this.createOnly(context, inputs);
        let logs: string | null = null;
        try {
            await this.joinNetworks(id, asObjects(inputs.networksAdvanced));
            await this.upload(id, asObjects(inputs.uploads));
            if (inputs.start !== false) {
                logs = await this.start(context, id, inputs);
            }
        } catch (error) {
            throw this.initFailure(id, inputs, error);
        }
        const created = await inspect(this.daemon, id);
        const outputs = containerOutputs(this.rules, created, inputs, {}, "create");
        return { id, outputs: { ...outputs, containerLogs: logs } };
    }

    private async createOnly(context: CallContext, inputs: Obj): Promise<string> {
        const image = asString(inputs.image) ?? "";
        try {
            await findImage(this.daemon, context, image, asString(inputs.platform));
        } catch (error) {
            if (!(error instanceof Error) || error instanceof Cancelled) {
                throw error;
            }
            throw new PluginError(
                `Unable to create container with image ${image}: ${error.message}`,
            );
        }
        return this.daemon.call("Unable to create container", async (docker) => {
            return (await docker.createContainer(createBody(inputs))).id;
        });
    }

    /** The networks of the program instead of the default one; addresses are checked at start. */
    private async joinNetworks(id: string, networks: Obj[]): Promise<void> {
        if (networks.length === 0) {
            return;
        }
        await this.daemon.call("Unable to disconnect the default network", async (docker) => {
            try {
                await docker.getNetwork("bridge").disconnect({ Container: id });
            } catch (error) {
                if (!daemonMessage(error).includes("is not connected to")) {
                    throw error;
                }
            }
        });
        for (const network of networks) {
            const name = asString(network.name) ?? "";
            await this.daemon.call(`Unable to connect to network '${name}'`, (docker) =>
                docker
                    .getNetwork(name)
                    .connect({ Container: id, EndpointConfig: endpointSettings(network) }),
            );
        }
    }

    /** Before the start, so that the first process already finds its files. */
    private async upload(id: string, uploads: Obj[]): Promise<void> {
        for (const upload of uploads) {
            const archive = await uploadArchive(upload);
            await this.daemon.call(`Unable to upload ${text(upload.file)}`, (docker) =>
                docker.getContainer(id).putArchive(archive, { path: "/" }),
            );
        }
    }

    /** Starts and waits as the inputs say; the logs if they are to be kept. */
    private async start(context: CallContext, id: string, inputs: Obj): Promise<string | null> {
        await this.startOnly(id);
        if (inputs.wait === true) {
            await untilHealthy(this.daemon, context, id, asNumber(inputs.waitTimeout) ?? 60);
        }
        if (inputs.attach === true) {
            await untilEnded(this.daemon, context, id);
            return inputs.logs === true ? logsOf(this.daemon, id) : null;
        }
        if (inputs.wait !== true && inputs.mustRun !== false) {
            const limit = asNumber(inputs.containerReadRefreshTimeoutMilliseconds) ?? 15000;
            await untilRunning(this.daemon, context, id, limit);
        }
        return null;
    }

    private async startOnly(id: string): Promise<void> {
        await this.daemon.call("Unable to start container", async (docker) => {
            try {
                await docker.getContainer(id).start();
            } catch (error) {
                if (statusCode(error) !== 304) {
                    throw error;
                }
            }
        });
    }

    /**
     * The container exists: the engine must remember it, whatever went wrong afterwards. Nobody has read
     * it: what the daemon decides is not known, and ports that are not published count as published.
     */
    private initFailure(id: string, inputs: Obj, error: unknown): InitFailure {
        const reason = error instanceof Error ? error.message : String(error);
        const outputs = planned(this.rules, inputs, null);
        for (const key of EMPTY_UNREAD) {
            outputs[key] ??= [];
        }
        return new InitFailure(id, { ...outputs, id }, reason);
    }

    async read(_context: CallContext, id: string, state: Obj, inputs: Obj): Promise<ReadResult> {
        const found = await this.daemon.call("Unable to inspect container", async (docker) => {
            try {
                return await docker.getContainer(id).inspect();
            } catch (error) {
                if (statusCode(error) === 404) {
                    return undefined;
                }
                throw error;
            }
        });
        if (!found) {
            return { id: "" };
        }
        // The state knows what an earlier refresh found out; an import has neither.
        const known = { ...inputs, mustRun: state.mustRun ?? inputs.mustRun ?? true };
        const outputs = containerOutputs(this.rules, found, known, state, "read");
        return { id: found.Id, outputs, inputs: inputsFrom(this.rules, outputs, inputs) };
    }

    async update(context: CallContext, request: DiffRequest): Promise<Obj> {
        const { id, state, news } = request;
        const changed = (key: string) =>
            canonical(valueIn(state, key)) !== canonical(valueIn(news, key));
        if (LIVE.some(changed)) {
            await this.daemon.call("Unable to update a container", (docker) =>
                docker.getContainer(id).update(updateBody(news)),
            );
        }
        // As with the real plugin: nothing is started, nothing waited for, and nothing read.
        if (neverRead(state)) {
            return withZeros({ ...state, ...planned(this.rules, news, state) });
        }
        if (news.mustRun !== false && state.mustRun === false && news.start !== false) {
            await this.startOnly(id);
        }
        this.warnOfNoEffect(context, request);
        const found = await inspect(this.daemon, id);
        return containerOutputs(this.rules, found, news, state, "update");
    }

    private warnOfNoEffect(context: CallContext, request: DiffRequest): void {
        const paths = [...this.diff(request).detailed.keys()];
        const idle = ONLY_RECORDED.filter((key) => paths.some((p) => p.split(/[.[]/)[0] === key));
        if (idle.length === 0) {
            return;
        }
        context.log(
            "warning",
            `${idle.join(", ")}: Docker cannot change this on a container that exists; the new value ` +
                "holds from the next replacement on (force it with --target-replace)",
        );
    }

    async delete(context: CallContext, id: string, state: Obj): Promise<void> {
        if (state.attach !== true) {
            await this.stop(context, id, asNumber(state.destroyGraceSeconds) ?? 0);
        }
        await this.daemon.call("Error deleting container", async (docker) => {
            const container = docker.getContainer(id);
            const removed = container.wait({ condition: "removed", abortSignal: context.signal });
            // Gone already, or gone before the wait began: both are what is wanted.
            const settled = removed.then(
                () => undefined,
                () => undefined,
            );
            try {
                await container.remove({ v: state.removeVolumes !== false, force: true });
            } catch (error) {
                const code = statusCode(error);
                const underway = code === 409 && /already in progress/.test(daemonMessage(error));
                if (code !== 404 && !underway) {
                    throw error;
                }
                if (code === 404) {
                    return;
                }
            }
            await Promise.race([settled, timeout(REMOVAL_MS)]);
        });
    }

    private async stop(context: CallContext, id: string, graceSeconds: number): Promise<void> {
        const { signal } = context;
        await this.daemon.call("Error stopping container", async (docker) => {
            try {
                await docker.getContainer(id).stop({ t: graceSeconds, abortSignal: signal });
            } catch (error) {
                if (signal.aborted) {
                    throw new Cancelled(`stopping container ${id}`);
                }
                // 304: it does not run; 404: it is gone.
                if (statusCode(error) !== 304 && statusCode(error) !== 404) {
                    throw error;
                }
            }
        });
    }
}

/** Whether a state is that of a create that failed: the daemon has not been asked since. */
function neverRead(state: Obj): boolean {
    return (state.networkDatas ?? null) === null;
}

/** Nothing and zero are the same to Docker here. */
function valueIn(values: Obj, key: string): Json {
    const value = values[key];
    return value === undefined || value === 0 || value === "" ? null : value;
}

function timeout(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/** `docker:index/network:Network`. */

import type Docker from "dockerode";
import { PluginError, sleep } from "../../host/plugin";
import type { CallContext, Created, ReadResult, Resource } from "../../host/plugin";
import { asObjects, asString, asStringMap, isObj } from "../../host/values";
import type { Json, Obj } from "../../host/values";
import { daemonMessage, statusCode } from "../client";
import type { Daemon } from "../daemon";
import { check } from "../rules/check";
import { diff } from "../rules/diff";
import { networkRules } from "../rules/others";
import { inputsFrom, planned, previewed } from "../rules/state";
import { pairs } from "../translate/helpers";

/** How long a delete waits for the last containers to leave the network. */
const ENDPOINTS_MS = 30_000;
const RETRY_MS = 1000;
const META = '{"schema_version":"1"}';

export class Network implements Resource {
    constructor(private readonly daemon: Daemon) {}

    check = check.bind(undefined, networkRules);
    diff = diff.bind(undefined, networkRules);
    preview = previewed.bind(undefined, networkRules);

    /** Unlike a volume, a network that exists is not adopted. */
    async create(_context: CallContext, inputs: Obj): Promise<Created> {
        const network = await this.daemon.call("Unable to create network", async (docker) => {
            const created = await docker.createNetwork(networkBody(inputs));
            return await docker.getNetwork(created.id).inspect();
        });
        return { id: network.Id, outputs: outputsOf(network, inputs, "create") };
    }

    async read(_context: CallContext, id: string, _state: Obj, inputs: Obj): Promise<ReadResult> {
        const network = await this.daemon.call("Unable to inspect network", async (docker) => {
            try {
                return await docker.getNetwork(id).inspect();
            } catch (error) {
                if (statusCode(error) === 404) {
                    return undefined;
                }
                throw error;
            }
        });
        if (!network) {
            return { id: "" };
        }
        const outputs = outputsOf(network, inputs, "read");
        return { id: network.Id, outputs, inputs: inputsFrom(networkRules, outputs, inputs) };
    }

    /** Nothing of a network can change in place. */
    update(_context: CallContext, request: { state: Obj; news: Obj }): Promise<Obj> {
        return Promise.resolve(previewed(networkRules, request.news, request.state));
    }

    async delete(context: CallContext, id: string): Promise<void> {
        const deadline = Date.now() + ENDPOINTS_MS;
        for (;;) {
            const busy = await this.remove(id);
            if (busy === undefined) {
                return;
            }
            if (Date.now() >= deadline) {
                throw new PluginError(
                    "timeout while waiting for state to become 'removed' " +
                        `(last state: 'pending', timeout: 30s): ${busy}`,
                );
            }
            await sleep(RETRY_MS, context.signal, `waiting for containers to leave network ${id}`);
        }
    }

    /** Undefined once the network is gone, else the daemon's reason why it is still in use. */
    private remove(id: string): Promise<string | undefined> {
        return this.daemon.call("Unable to remove network", async (docker) => {
            try {
                await docker.getNetwork(id).remove();
                return undefined;
            } catch (error) {
                if (statusCode(error) === 404) {
                    return undefined;
                }
                if (daemonMessage(error).includes("has active endpoints")) {
                    return daemonMessage(error);
                }
                throw error;
            }
        });
    }
}

function networkBody(inputs: Obj): Docker.NetworkCreateOptions {
    const configs = asObjects(inputs.ipamConfigs).map((config) => {
        const auxiliary = asStringMap(config.auxAddress);
        const entries = {
            Subnet: asString(config.subnet),
            Gateway: asString(config.gateway),
            IPRange: asString(config.ipRange),
            AuxiliaryAddresses:
                auxiliary && Object.keys(auxiliary).length > 0 ? auxiliary : undefined,
        };
        return Object.fromEntries(Object.entries(entries).filter(([, v]) => v)) as Record<
            string,
            string
        >;
    });
    return {
        Name: asString(inputs.name) ?? "",
        // Daemons before API 1.44 would otherwise make a second network of the same name.
        CheckDuplicate: true,
        Driver: asString(inputs.driver) ?? "bridge",
        Attachable: inputs.attachable === true,
        Ingress: inputs.ingress === true,
        Internal: inputs.internal === true,
        EnableIPv6: inputs.ipv6 === true,
        Labels: pairs(asObjects(inputs.labels), "label", "value"),
        Options: asStringMap(inputs.options),
        IPAM: {
            Driver: asString(inputs.ipamDriver) ?? "default",
            Config: configs,
            Options: asStringMap(inputs.ipamOptions),
        },
    };
}

function outputsOf(
    network: Docker.NetworkInspectInfo,
    inputs: Obj,
    origin: "create" | "read",
): Obj {
    // Left null by a create where there is no input; a refresh finds it empty.
    const unset: Json = origin === "create" ? null : {};
    const ipamConfigs = (network.IPAM?.Config ?? []).map((config): Obj => {
        const auxiliary = (config as { AuxiliaryAddresses?: Obj }).AuxiliaryAddresses;
        return {
            subnet: String(config.Subnet ?? ""),
            gateway: String(config.Gateway ?? ""),
            ipRange: String(config.IPRange ?? ""),
            auxAddress: auxiliary ?? unset,
        };
    });
    const ipamOptions = network.IPAM?.Options;
    return {
        ...planned(networkRules, inputs, null),
        __meta: META,
        id: network.Id,
        name: network.Name,
        attachable: network.Attachable,
        driver: network.Driver,
        ingress: network.Ingress,
        internal: network.Internal,
        ipv6: network.EnableIPv6,
        ipamConfigs,
        ipamDriver: network.IPAM?.Driver ?? "default",
        ipamOptions:
            isObj(ipamOptions) && Object.keys(ipamOptions).length > 0 ? ipamOptions : unset,
        labels: Object.entries(network.Labels ?? {}).map(([label, value]) => ({ label, value })),
        options: network.Options ?? {},
        scope: network.Scope,
    };
}

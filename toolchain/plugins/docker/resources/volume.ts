/** `docker:index/volume:Volume`. */

import type Docker from "dockerode";
import { PluginError, sleep } from "../../host/plugin";
import type { CallContext, Created, ReadResult, Resource } from "../../host/plugin";
import { asObjects, asString, asStringMap } from "../../host/values";
import type { Obj } from "../../host/values";
import { statusCode } from "../client";
import type { Daemon } from "../daemon";
import { check } from "../rules/check";
import { diff } from "../rules/diff";
import { volumeRules } from "../rules/others";
import { inputsFrom, planned, previewed } from "../rules/state";
import { pairs } from "../translate/helpers";

/** How long a delete waits for the containers that use the volume to go. */
const IN_USE_MS = 30_000;
const RETRY_MS = 1000;
const META = '{"schema_version":"1"}';

export class Volume implements Resource {
    constructor(private readonly daemon: Daemon) {}

    check = check.bind(undefined, volumeRules);
    diff = diff.bind(undefined, volumeRules);
    preview = previewed.bind(undefined, volumeRules);

    /** Docker adopts a volume that exists; its labels and options then show up as a difference. */
    async create(_context: CallContext, inputs: Obj): Promise<Created> {
        const name = asString(inputs.name) ?? "";
        const volume = await this.daemon.call("Unable to create volume", async (docker) => {
            await docker.createVolume({
                Name: name,
                Driver: asString(inputs.driver),
                DriverOpts: asStringMap(inputs.driverOpts),
                Labels: pairs(asObjects(inputs.labels), "label", "value"),
            });
            return docker.getVolume(name).inspect();
        });
        const outputs = outputsOf(volume, inputs);
        if (inputs.driverOpts === undefined && isEmpty(outputs.driverOpts)) {
            outputs.driverOpts = null;
        }
        return { id: name, outputs };
    }

    async read(_context: CallContext, id: string, _state: Obj, inputs: Obj): Promise<ReadResult> {
        const volume = await this.daemon.call("Unable to inspect volume", async (docker) => {
            try {
                return await docker.getVolume(id).inspect();
            } catch (error) {
                if (statusCode(error) === 404) {
                    return undefined;
                }
                throw error;
            }
        });
        if (!volume) {
            return { id: "" };
        }
        const outputs = outputsOf(volume, inputs);
        return { id, outputs, inputs: inputsFrom(volumeRules, outputs, inputs) };
    }

    /** Nothing of a volume can change in place. */
    update(_context: CallContext, request: { state: Obj; news: Obj }): Promise<Obj> {
        return Promise.resolve(previewed(volumeRules, request.news, request.state));
    }

    async delete(context: CallContext, id: string): Promise<void> {
        const deadline = Date.now() + IN_USE_MS;
        while (!(await this.removed(id))) {
            if (Date.now() >= deadline) {
                throw new PluginError(
                    "timeout while waiting for state to become 'removed' " +
                        "(last state: 'in_use', timeout: 30s)",
                );
            }
            await sleep(RETRY_MS, context.signal, `waiting for volume ${id} to be unused`);
        }
    }

    /** True once the volume is gone, false while it is in use. */
    private removed(id: string): Promise<boolean> {
        return this.daemon.call("Error deleting volume", async (docker) => {
            try {
                await docker.getVolume(id).remove({ force: true });
                return true;
            } catch (error) {
                if (statusCode(error) === 404) {
                    return true;
                }
                if (statusCode(error) === 409) {
                    return false;
                }
                throw error;
            }
        });
    }
}

function outputsOf(volume: Docker.VolumeInspectInfo, inputs: Obj): Obj {
    const labels = Object.entries(volume.Labels ?? {});
    return {
        ...planned(volumeRules, inputs, null),
        __meta: META,
        id: volume.Name,
        name: volume.Name,
        driver: volume.Driver,
        driverOpts: volume.Options ?? {},
        labels: labels.map(([label, value]) => ({ label, value })),
        mountpoint: volume.Mountpoint,
    };
}

function isEmpty(value: Obj[string] | undefined): boolean {
    return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

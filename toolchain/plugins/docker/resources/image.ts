/** `docker:index/remoteImage:RemoteImage`, and the image lookup that containers share. */

import type Docker from "dockerode";
import { Cancelled, PluginError } from "../../host/plugin";
import type { CallContext, Created, ReadResult, Resource } from "../../host/plugin";
import { asString } from "../../host/values";
import type { Obj } from "../../host/values";
import { daemonMessage, statusCode } from "../client";
import type { RegistryAuth } from "../client";
import type { Daemon } from "../daemon";
import { check } from "../rules/check";
import { diff } from "../rules/diff";
import { imageRules } from "../rules/others";
import { inputsFrom, planned, previewed } from "../rules/state";

/** The local image of that name; pulled only if there is none. */
export async function findImage(
    daemon: Daemon,
    context: CallContext,
    name: string,
    platform?: string,
): Promise<Docker.ImageInspectInfo> {
    const local = await inspectImage(daemon, name);
    if (local) {
        return local;
    }
    context.log("info", `pulling ${name}`);
    try {
        await pull(daemon, context, name, platform);
    } catch (error) {
        if (error instanceof Cancelled) {
            throw error;
        }
        const words = daemonMessage(error);
        const from = statusCode(error) === undefined ? "" : "Error response from daemon: ";
        throw new PluginError(
            `unable to pull image ${name}: error pulling image ${name}: ${from}${words}`,
        );
    }
    const pulled = await inspectImage(daemon, name);
    if (pulled) {
        return pulled;
    }
    throw new PluginError(`unable to find image ${name} after pulling it`);
}

async function inspectImage(
    daemon: Daemon,
    name: string,
): Promise<Docker.ImageInspectInfo | undefined> {
    return daemon.call("Unable to inspect image", async (docker) => {
        try {
            return await docker.getImage(name).inspect();
        } catch (error) {
            if (statusCode(error) === 404) {
                return undefined;
            }
            throw error;
        }
    });
}

async function pull(
    daemon: Daemon,
    context: CallContext,
    name: string,
    platform?: string,
): Promise<void> {
    const docker = daemon.docker();
    const authconfig = authFor(name, daemon.auths);
    const options = { ...(platform && { platform }), ...(authconfig && { authconfig }) };
    // Without a tag the daemon would pull every tag there is.
    const stream = (await docker.pull(tagged(name), options)) as NodeJS.ReadableStream & {
        destroy(): void;
    };
    await new Promise<void>((resolve, reject) => {
        const onAbort = () => {
            stream.destroy();
            reject(new Cancelled(`pulling ${name}`));
        };
        if (context.signal.aborted) {
            return onAbort();
        }
        context.signal.addEventListener("abort", onAbort, { once: true });
        docker.modem.followProgress(stream, (error) => {
            context.signal.removeEventListener("abort", onAbort);
            if (error) {
                reject(error);
            } else {
                resolve();
            }
        });
    });
}

export function tagged(name: string): string {
    const last = name.slice(name.lastIndexOf("/") + 1);
    return last.includes(":") || last.includes("@") ? name : `${name}:latest`;
}

const DOCKER_HUB = "https://index.docker.io/v1/";

/** The login of the registry that the image's name names. */
export function authFor(
    name: string,
    auths: readonly RegistryAuth[],
): { username: string; password: string; serveraddress: string } | undefined {
    const first = name.split("/")[0] ?? "";
    const named = name.includes("/") && /[.:]|^localhost$/.test(first);
    const registry = named ? first : "docker.io";
    const found = auths.find((auth) => {
        const host = auth.address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
        return host === registry || (registry === "docker.io" && host === "index.docker.io");
    });
    if (!found) {
        return undefined;
    }
    const serveraddress = registry === "docker.io" ? DOCKER_HUB : found.address;
    return { username: found.username, password: found.password, serveraddress };
}

export class RemoteImage implements Resource {
    constructor(private readonly daemon: Daemon) {}

    check = check.bind(undefined, imageRules);
    diff = diff.bind(undefined, imageRules);
    preview = previewed.bind(undefined, imageRules);

    async create(context: CallContext, inputs: Obj): Promise<Created> {
        const name = asString(inputs.name) ?? "";
        try {
            const image = await findImage(this.daemon, context, name, asString(inputs.platform));
            return { id: idOf(image, name), outputs: outputsOf(image, inputs, name) };
        } catch (error) {
            if (!(error instanceof Error) || error instanceof Cancelled) {
                throw error;
            }
            throw new PluginError(`Unable to read Docker image into resource: ${error.message}`);
        }
    }

    async read(_context: CallContext, id: string, state: Obj, inputs: Obj): Promise<ReadResult> {
        // An import gives the name as the id.
        const name = asString(state.name) ?? asString(inputs.name) ?? id;
        const image = await inspectImage(this.daemon, name);
        if (!image) {
            return { id: "" };
        }
        const known = Object.keys(inputs).length > 0 ? inputs : { ...state, name };
        const outputs = outputsOf(image, known, name);
        return { id: idOf(image, name), outputs, inputs: inputsFrom(imageRules, outputs, inputs) };
    }

    /** Only settings of this resource can change in place; the image itself is replaced. */
    async update(
        context: CallContext,
        request: { id: string; state: Obj; news: Obj },
    ): Promise<Obj> {
        const name = asString(request.news.name) ?? "";
        const image = await findImage(this.daemon, context, name, asString(request.news.platform));
        return outputsOf(image, request.news, name);
    }

    async delete(_context: CallContext, _id: string, state: Obj): Promise<void> {
        if (state.keepLocally === true) {
            return;
        }
        const name = asString(state.name) ?? "";
        await this.daemon.call("Unable to remove Docker image", async (docker) => {
            try {
                await docker.getImage(name).remove({ force: state.forceRemove === true });
            } catch (error) {
                if (statusCode(error) !== 404) {
                    throw error;
                }
            }
        });
    }
}

function idOf(image: Docker.ImageInspectInfo, name: string): string {
    return `${image.Id}${name}`;
}

function outputsOf(image: Docker.ImageInspectInfo, inputs: Obj, name: string): Obj {
    return {
        ...planned(imageRules, inputs, null),
        id: idOf(image, name),
        imageId: image.Id,
        repoDigest: image.RepoDigests?.[0] ?? "",
    };
}

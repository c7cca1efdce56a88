/** What every resource of one gateway has in common. */
import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import type { GatewayArgs } from "./args";
import { nameIsFree } from "./freeNames";

/** Handed to each function that creates a resource of the gateway. */
export interface GatewayScope {
    /** Name of the component, which the names of all its resources begin with. */
    readonly name: string;
    readonly args: GatewayArgs;
    /** The component itself. */
    readonly gateway: pulumi.Resource;
    /** Options of what holds data in Docker: protected as the component is. */
    readonly state: pulumi.CustomResourceOptions;
    /** Options of what can be made again at any time: never protected. */
    readonly cattle: pulumi.CustomResourceOptions;
    /**
     * For whatever has a fixed name in Docker: nothing is made beside what a killed run has left, or over
     * somebody else's.
     */
    readonly nameIsFree: pulumi.ResourceHook;
}

/** The scope of one gateway, with its provider for Docker. */
export function gatewayScope(
    gateway: pulumi.Resource,
    name: string,
    args: GatewayArgs,
): GatewayScope {
    const { dockerHost } = args;
    const provider = new docker.Provider(
        `${name}-docker`,
        dockerHost === undefined ? {} : { host: dockerHost },
        { parent: gateway, protect: false },
    );
    const state = { parent: gateway, provider };
    return {
        name,
        args,
        gateway,
        state,
        cattle: { ...state, protect: false },
        nameIsFree: nameIsFree(name, dockerHost),
    };
}

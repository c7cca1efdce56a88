/** Pure: a state that has a gateway's identity and nothing else yet. */
import { randomBytes, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { version as randomVersion } from "@pulumi/random/package.json";
import { TYPE_PREFIX } from "../../model/constants";
import { nameOfUrn, urnOf } from "../../model/urn";
import { ownName } from "../stack/stackFile";
import { PROJECT } from "../../settings/stackConfig";
import type { RecoveredIdentity } from "./volumeIdentity";

/** How the engine marks a secret; given in clear, it is encrypted when the state is stored. */
const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

/** A resource as `pulumi stack export` has it. */
interface Resource {
    readonly urn: string;
    readonly type: string;
    readonly custom: boolean;
    readonly id?: string;
    readonly parent?: string;
    readonly inputs?: object;
    readonly outputs?: object;
    readonly [property: string]: unknown;
}

/** The part of `pulumi stack export` that is read and written. */
export interface Export {
    readonly version: number;
    readonly deployment: { readonly resources?: readonly Resource[] };
}

/** Names of what is recovered, see components/gateway/identity.ts. */
const GATEWAY = "gateway";
const IDENTITY = `${GATEWAY}-identity`;

const STASH = "pulumi:index:Stash";
const RANDOM_BYTES = "random:index/randomBytes:RandomBytes";

/** Endings of the names of identity that a volume has. */
const ENDINGS = ["server-ca", "client-ca", "token", "node-password"] as const;

/** Whether a state has everything of a gateway's identity. */
export function hasIdentity({ deployment }: Export): boolean {
    const names = (deployment.resources ?? []).map(({ urn }) => nameOfUrn(urn));
    return ENDINGS.every((ending) => names.includes(`${IDENTITY}-${ending}`));
}

/** What a state, exported with its secrets in clear, has of another identity than the volume's. */
export function otherIdentity({ deployment }: Export, identity: RecoveredIdentity): string[] {
    const { serverCa, clientCa, token } = identity;
    const wanted = new Map<string, unknown>([
        [`${IDENTITY}-server-ca`, serverCa],
        [`${IDENTITY}-client-ca`, clientCa],
        [`${IDENTITY}-token`, token],
    ]);
    return (deployment.resources ?? []).flatMap(({ urn, outputs }) => {
        const name = nameOfUrn(urn);
        const { output, hex } = (outputs ?? {}) as Record<string, { plaintext?: string }>;
        const value = (output ?? hex)?.plaintext;
        return wanted.has(name) && !isDeepStrictEqual(value && JSON.parse(value), wanted.get(name))
            ? [name]
            : [];
    });
}

/** The same state with what it lacks of an identity, and of what the engine wants around it. */
export function withIdentity(state: Export, stack: string, identity: RecoveredIdentity): Export {
    const present = state.deployment.resources ?? [];
    const known = new Set(present.map(({ urn }) => urn));
    const added = resourcesOf(ownName(stack), identity, present).filter(
        ({ urn }) => !known.has(urn),
    );
    return {
        ...state,
        deployment: { ...state.deployment, resources: [...present, ...added] },
    };
}

/** In the order in which the engine wants them: what is referred to comes first. */
function resourcesOf(
    stack: string,
    { serverCa, clientCa, token, nodePassword }: RecoveredIdentity,
    present: readonly Resource[],
): Resource[] {
    const ownUrn = (type: string, name: string) => urnOf({ stack, project: PROJECT, type, name });
    const component = (types: readonly string[], name: string, parent?: string): Resource => ({
        urn: ownUrn(types.join("$"), name),
        type: types.at(-1) as string,
        custom: false,
        ...(parent === undefined ? {} : { parent, protect: true }),
    });
    const provider = (name: string, label: string, version?: string): Resource => {
        const type = `pulumi:providers:${name}`;
        const urn = ownUrn(type, label);
        const settings = version === undefined ? {} : { version };
        const found = present.find((resource) => resource.urn === urn);
        return (
            found ?? {
                urn,
                type,
                custom: true,
                id: randomUUID(),
                inputs: settings,
                outputs: settings,
            }
        );
    };
    const root = component(["pulumi:pulumi:Stack"], `${PROJECT}-${stack}`);
    const types = [`${TYPE_PREFIX}:Gateway`, `${TYPE_PREFIX}:Identity`];
    const gateway = component(types.slice(0, 1), GATEWAY, root.urn);
    const identity = component(types, IDENTITY, gateway.urn);
    const builtIn = provider("pulumi", "default");
    const random = provider(
        "random",
        `default_${randomVersion.replace(/[^\w]/g, "_")}`,
        randomVersion,
    );
    const child = (type: string, ending: string, from: Resource): Resource => ({
        ...component([...types, type], `${IDENTITY}-${ending}`, identity.urn),
        custom: true,
        provider: `${from.urn}::${from.id}`,
    });
    const stash = (ending: string, value: object): Resource => ({
        ...child(STASH, ending, builtIn),
        id: randomUUID(),
        inputs: { input: secret(value) },
        outputs: { input: secret(value), output: secret(value) },
        additionalSecretOutputs: ["input", "output"],
    });
    const bytes = (ending: string, hex: string): Resource => {
        const value = Buffer.from(hex, "hex");
        return {
            ...child(RANDOM_BYTES, ending, random),
            id: "none",
            inputs: { length: value.length },
            outputs: {
                id: "none",
                length: value.length,
                keepers: null,
                hex: secret(hex),
                base64: secret(value.toString("base64")),
            },
            additionalSecretOutputs: ["base64", "hex"],
        };
    };
    return [
        root,
        gateway,
        identity,
        builtIn,
        random,
        stash("server-ca", serverCa),
        stash("client-ca", clientCa),
        bytes("token", token),
        bytes("node-password", nodePassword ?? randomBytes(16).toString("hex")),
    ];
}

function secret(value: unknown): object {
    return { ...SECRET, plaintext: JSON.stringify(value) };
}

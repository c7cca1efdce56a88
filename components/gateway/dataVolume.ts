/**
 * The data volume, and whose it is.
 *
 * Docker hands out an existing volume to any client that asks for its name, and an empty one for the name of
 * a volume that is gone. Both are seen before any container exists: by the label that the volume was made
 * with, and by hooks that ask Docker before something is made of it.
 */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { LABEL_OWNER } from "../../model/constants";
import { dockerName } from "../../model/names";
import { inOwnTerms } from "../cluster/argumentKey";
import { askDocker, daemonOf, type Ask } from "./dockerDaemon";
import { findVolume, isEmpty, type FoundVolume } from "./dockerVolumes";
import type { Identity } from "./identity";
import type { GatewayScope } from "./scope";

/** What tells a gateway from another of its name. */
interface Owner {
    /** SHA-256 of the server authority's certificate, in hex; the entrypoint's marker says the same. */
    readonly fingerprint: string;
    /** Whether this run has made it: then there can be no volume of it yet. */
    readonly isNew: boolean;
}

/** A gateway's volume in Docker. */
export class DataVolume {
    readonly resource: docker.Volume;
    /** Its name; an error, and no container, when Docker has given out another gateway's. */
    readonly name: pulumi.Output<string>;
    /** Hook of containers that mount the volume: refuses to create them when Docker has lost the volume. */
    readonly isThere: pulumi.ResourceHook;
    /** Hook of the volume: refuses to create it when this gateway had one, or when another's has the name. */
    readonly isOurs: pulumi.ResourceHook;
    private owner: Owner | undefined;
    /** Whether the volume had this gateway's label when it was made, or was last looked at. */
    private wasLabelled = false;
    /** Whether this run makes the volume. */
    private isMade = false;

    /** Name of the volume in Docker. */
    private readonly volume: string;

    constructor(
        private readonly scope: Pick<GatewayScope, "name" | "args" | "state">,
        identity: Pick<Identity, "fingerprint" | "isNew">,
        private readonly ask: Ask = askDocker(scope.args.dockerHost),
    ) {
        const { args, state } = scope;
        const name = `${scope.name}-data`;
        this.volume = dockerName(args.name);
        this.isOurs = new pulumi.ResourceHook(`${name} is ours`, () => this.beforeVolume(), {
            onDryRun: true,
        });
        this.isThere = new pulumi.ResourceHook(`${name} is there`, () => this.beforeContainer(), {
            onDryRun: true,
        });
        const owner = pulumi
            .all([identity.fingerprint, identity.isNew])
            .apply(([fingerprint, isNew]) => (this.owner = { fingerprint, isNew }));
        this.resource = new docker.Volume(
            name,
            {
                name: this.volume,
                labels: [{ label: LABEL_OWNER, value: owner.fingerprint }],
            },
            {
                ...state,
                // A destroy forgets the volume and leaves it in Docker; a person deletes it by its name.
                retainOnDelete: true,
                // Settled when it was made; one of an earlier version has no label.
                ignoreChanges: ["labels", "driver", "driverOpts"],
                hooks: { beforeCreate: [this.isOurs] },
            },
        );
        this.name = pulumi
            .all([this.resource.name, this.resource.labels, owner])
            .apply(([found, labels, { fingerprint }]) => {
                const label = labels?.find((each) => each.label === LABEL_OWNER);
                if (label && label.value !== fingerprint) {
                    throw new pulumi.RunError(this.belongsTo(label.value));
                }
                this.wasLabelled = label !== undefined;
                return found;
            });
    }

    private keyOf(argument: string): string {
        return (this.scope.args.argumentKey ?? inOwnTerms)(argument);
    }

    private async beforeVolume(): Promise<void> {
        const found = await findVolume(this.ask, this.volume);
        this.refuseForeign(found);
        if (found === "absent" && this.owner?.isNew === false) {
            this.sayGone(`has no volume ${this.volume}, which holds`);
        }
        this.isMade = true;
    }

    private async beforeContainer(): Promise<void> {
        if (this.isMade) {
            return;
        }
        const found = await findVolume(this.ask, this.volume);
        this.refuseForeign(found);
        if (found === "absent") {
            this.sayGone(`has no volume ${this.volume}, which holds`);
        } else if (typeof found === "object" && found.owner === "") {
            await this.refuseEmpty();
        }
    }

    /**
     * One that was made with a label, and has none now, is a backup, or what somebody has made meanwhile. A
     * person may have made one before the gateway, too: that never had one.
     */
    private async refuseEmpty(): Promise<void> {
        // In the run that would make something of it: a preview may be on another machine.
        if (this.wasLabelled && !pulumi.runtime.isDryRun()) {
            if (await isEmpty(this.ask, this.volume, this.scope.args.image)) {
                this.sayGone(
                    `has a volume ${this.volume} without a cluster in it, and no other, for`,
                );
            }
        }
    }

    /** A volume without a label is left to the entrypoint, which reads the marker in it. */
    private refuseForeign(found: FoundVolume): void {
        if (typeof found === "object" && found.owner !== "" && this.owner) {
            if (found.owner !== this.owner.fingerprint) {
                throw new Error(this.belongsTo(found.owner));
            }
        }
    }

    /** A preview may be on another machine than the gateway: there it is a warning. */
    private sayGone(what: string): void {
        const message = [
            `Docker (${daemonOf(this.scope.args.dockerHost).join(" ")}) ${what} all that this gateway and its sandboxes have stored (fingerprint ${this.owner?.fingerprint})`,
            "  an empty one would be begun anew, so nothing is made of it, and nothing was changed",
            `  ${this.keyOf("name")} is settled: if it was changed, write the former one. Else look for the volume on your other daemons, or restore a backup into one of that name, and keep the Pulumi state, without which no backup can be run: docs/operations.md, \`The data volume is missing\``,
        ].join("\n");
        if (!pulumi.runtime.isDryRun()) {
            throw new Error(message);
        }
        void pulumi.log.warn(message);
    }

    private belongsTo(owner: string): string {
        return [
            `Docker's volume ${this.volume} belongs to another gateway, whose authority has the fingerprint ${owner}; this one's has ${this.owner?.fingerprint}`,
            "  nothing in it was touched, and nothing was made of it",
            `  it is run with the Pulumi state that it was made with (another checkout, another backend or another user's), and with no other; a gateway beside it needs a name and a place of its own: \`make up STACK=...\`, or another ${this.keyOf("name")}, subnet and ports before its first \`up\``,
            "  docs/operations.md, `A data volume that is there already`",
        ].join("\n");
    }
}

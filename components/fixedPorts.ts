/** Node ports that sandboxes of one cluster have asked for: Kubernetes must not give them to others. */
import type * as pulumi from "@pulumi/pulumi";

/** Filled while the program declares its sandboxes; read when all are declared, in whatever order. */
export class FixedPorts {
    private readonly owners = new Map<number, string>();
    private readonly fixed: pulumi.Resource[] = [];
    private readonly others: pulumi.Resource[] = [];

    /** Notes the Service of `sandbox`, which has asked for `port`, or takes what is left. */
    note(sandbox: string, port: number | undefined, service: pulumi.Resource): void {
        if (port === undefined) {
            this.others.push(service);
            return;
        }
        this.owners.set(port, sandbox);
        this.fixed.push(service);
    }

    /** Who has asked for a port. */
    ownerOf(port: number): string | undefined {
        return this.owners.get(port);
    }

    /**
     * Services that come before one: those that have asked for a port get it before Kubernetes picks for
     * others. A preview gives nothing away, and Kubernetes says of a port that is taken no more than that:
     * there the others come first, and whose it is is said.
     */
    before(port: number | undefined, preview: boolean): Promise<pulumi.Resource[]> {
        return Promise.resolve().then(() => {
            if (port === undefined) {
                return preview ? [] : this.fixed;
            }
            return preview ? this.others : [];
        });
    }
}

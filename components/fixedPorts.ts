/** Node ports that sandboxes of one cluster have asked for: Kubernetes must not give them to others. */
import type * as pulumi from "@pulumi/pulumi";

/** Filled while the program declares its sandboxes; read when all are declared, in whatever order. */
export class FixedPorts {
    private readonly owners = new Map<number, string>();
    private readonly services: pulumi.Resource[] = [];

    /** Notes that `sandbox` has asked for `port`, by `service`. */
    claim(port: number, sandbox: string, service: pulumi.Resource): void {
        this.owners.set(port, sandbox);
        this.services.push(service);
    }

    /** Who has asked for a port. */
    ownerOf(port: number): string | undefined {
        return this.owners.get(port);
    }

    /** The Services that have asked for one: those that take what is left come after them. */
    first(): Promise<pulumi.Resource[]> {
        return Promise.resolve().then(() => this.services);
    }
}

/** Node ports that sandboxes of one cluster have asked for: Kubernetes must not give them to others. */

/** Filled while the program declares its sandboxes; read when all are declared, in whatever order. */
export class FixedPorts {
    private readonly owners = new Map<number, string>();
    private readonly fixed: Promise<unknown>[] = [];
    private readonly picked: Promise<unknown>[] = [];

    /**
     * Notes the Service of `sandbox`.
     *
     * @param port it has asked for; undefined when it takes what is left
     * @param checked resolves when the engine has it, and nothing speaks against its port
     */
    note(sandbox: string, port: number | undefined, checked: Promise<unknown>): void {
        if (port === undefined) {
            this.picked.push(checked);
            return;
        }
        this.owners.set(port, sandbox);
        this.fixed.push(checked);
    }

    /** Who has asked for a port. */
    ownerOf(port: number): string | undefined {
        return this.owners.get(port);
    }

    /**
     * Resolves when it is a Service's turn. Those that have asked for a port get it before Kubernetes
     * picks for others. A preview gives nothing away, and Kubernetes says of a port that is taken no more
     * than that: there the others come first, so that whose it is can be said.
     *
     * A promise and no dependency, which a saved plan compares: it has to be the same in both.
     */
    async turn(port: number | undefined, preview: boolean): Promise<void> {
        await Promise.resolve();
        const isFixed = port !== undefined;
        if (isFixed === preview) {
            await Promise.all(isFixed ? this.picked : this.fixed);
        }
    }
}

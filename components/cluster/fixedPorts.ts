/** Node ports that sandboxes of one cluster have asked for: Kubernetes must not give them to others. */
import type { PortBlock } from "../../model/ports";
import type { ArgumentKey } from "./argumentKey";
import { holderOf, refusalOf, type Holders } from "./portMoves";

/** When a Service is asked for, and what with. */
export interface Turn {
    /** Why it is not: what was found, and what it must be. */
    readonly refusal?: string;
    /** Whether another Service has the port until the update: a dry run would be refused for it. */
    readonly isTaken: boolean;
}

const FREE: Turn = { isTaken: false };

/** Node ports by sandbox: noted while the program declares sandboxes, read when all are declared. */
export class FixedPorts {
    private readonly fixed = new Map<string, { port: number; checked: Promise<unknown> }>();
    private readonly picked = new Map<string, Promise<unknown>>();
    private asked: Promise<Holders | undefined> | undefined;

    /**
     * @param ask who has which port in the cluster; undefined where it cannot be told
     * @param keyOf how messages name what sandboxes ask for
     * @param block ports that are published @default not known
     */
    constructor(
        private readonly ask: () => Promise<Holders | undefined>,
        private readonly keyOf: ArgumentKey,
        private readonly block?: PortBlock,
    ) {}

    /**
     * Notes the Service of `sandbox`.
     *
     * @param port it has asked for; undefined when it takes what is left
     * @param checked resolves when the engine has it, and nothing speaks against its port
     */
    note(sandbox: string, port: number | undefined, checked: Promise<unknown>): void {
        if (port === undefined) {
            this.picked.set(sandbox, checked);
        } else {
            this.fixed.set(sandbox, { port, checked });
        }
    }

    /** The sandbox that has asked for a port. @default none has */
    ownerOf(port: number): string | undefined {
        return [...this.fixed].find(([, each]) => each.port === port)?.[0];
    }

    /**
     * Resolves when it is a Service's turn. Those that have asked for a port get it before Kubernetes
     * picks for others, and after whoever has it still. A preview gives nothing away, and Kubernetes says
     * of a port that is taken no more than that: there the others come first, so that whose it is can be
     * said.
     *
     * A promise and no dependency, which a saved plan compares: it has to be the same in both.
     */
    async turn(sandbox: string, port: number | undefined, preview: boolean): Promise<Turn> {
        await Promise.resolve();
        const isFixed = port !== undefined;
        if (isFixed === preview) {
            const others = isFixed
                ? this.picked.values()
                : [...this.fixed.values()].map(({ checked }) => checked);
            await Promise.all(others);
        }
        return isFixed ? this.move(sandbox, preview) : FREE;
    }

    private async move(sandbox: string, preview: boolean): Promise<Turn> {
        // A single fixed port cannot be another sandbox's: the cluster is not asked, which takes time.
        const holders = this.fixed.size < 2 ? undefined : await (this.asked ??= this.ask());
        const wanted = new Map([...this.fixed].map(([name, { port }]) => [name, port]));
        const holder = holders && holderOf(sandbox, wanted, holders);
        if (!holders || holder === undefined) {
            return FREE;
        }
        const stays = new Set(this.picked.keys());
        const refusal = refusalOf(sandbox, wanted, stays, holders, this.block, this.keyOf);
        if (refusal?.sandbox === sandbox) {
            return { isTaken: true, refusal: refusal.reason };
        }
        if (refusal || !preview) {
            // Of sandboxes in a ring, the first reports it, and no Service of the ring is created.
            await (refusal ? new Promise(() => undefined) : this.fixed.get(holder)?.checked);
        }
        return { isTaken: preview };
    }
}

/** Pure: what a preview would destroy, and whether that is allowed. */
import { isStateful } from "../model/stateful";
import { parseUrn, type Urn } from "../model/urn";

/** One thing a preview would do. */
export interface Step {
    readonly op: string;
    readonly urn: string;
    /** Properties that cause it, as far as the preview tells. */
    readonly causes: readonly string[];
    /** Whether the resource is protected in the state. */
    readonly protected: boolean;
    /** The resource as it is in the state, and as it would be: a plan tells neither. */
    readonly before?: State;
    readonly after?: State;
}

/** A resource in a state, as far as it is compared; values that are secret are not in a preview. */
export interface State {
    readonly protect?: boolean;
    readonly inputs?: Readonly<Record<string, unknown>>;
}

/** A step that is refused. */
export interface Refusal {
    readonly op: string;
    readonly type: string;
    readonly name: string;
    readonly urn: string;
    readonly causes: readonly string[];
    /** What to do. */
    readonly next: string;
}

/** The input is not what it should be: nothing can be said, so nothing is let through. */
export class UnreadableError extends Error {}

/** Operations of the engine that leave a resource where it is. */
const HARMLESS = new Set(["same", "create", "update", "refresh", "read", "import"]);

/** Operations that end a resource, or put another one in its place. */
const DESTRUCTIVE = new Set([
    "delete",
    "replace",
    "create-replacement",
    "delete-replaced",
    "discard",
    "discard-replaced",
    "remove-pending-replace",
    "import-replacement",
    "read-replacement",
    "read-discard",
]);

/**
 * Steps that would destroy something that holds data, without leave.
 *
 * @param allowed names or URNs of resources that may go
 * @throws UnreadableError for an operation that is not known
 */
export function refusals(steps: readonly Step[], allowed: readonly string[]): Refusal[] {
    const found = new Map<string, Refusal>();
    for (const step of steps) {
        if (HARMLESS.has(step.op)) {
            continue;
        }
        if (!DESTRUCTIVE.has(step.op)) {
            throw new UnreadableError(
                `the preview has the operation ${JSON.stringify(step.op)} on ${step.urn}, which this guard does not know`,
            );
        }
        const { type, name } = readUrn(step.urn);
        const precious = step.protected || isStateful(type, name);
        // A replacement is several steps; the first one says it all.
        if (
            precious &&
            !allowed.includes(name) &&
            !allowed.includes(step.urn) &&
            !found.has(step.urn)
        ) {
            found.set(step.urn, {
                op: step.op,
                type,
                name,
                urn: step.urn,
                causes: step.causes,
                next: advice(step, name),
            });
        }
    }
    return [...found.values()];
}

function advice(step: Step, name: string): string {
    const undo =
        step.causes.length > 0
            ? `put ${step.causes.join(", ")} back as it was`
            : "put it back into the program";
    return `${undo}; or, if it is meant to go with what it holds, --allow ${name}`;
}

/**
 * Steps of `pulumi preview --json`, or of a plan of `pulumi preview --save-plan`.
 *
 * @throws UnreadableError for anything else, also for a preview that failed
 */
export function readSteps(text: string): Step[] {
    let document: unknown;
    try {
        document = JSON.parse(text);
    } catch (error) {
        throw new UnreadableError(`this is not whole JSON: ${(error as Error).message}`);
    }
    if (isRecord(document) && Array.isArray(document["steps"])) {
        const failed = failureOf(document["diagnostics"]);
        if (failed !== undefined) {
            throw new UnreadableError(`the preview failed: ${failed}`);
        }
        return document["steps"].map(previewStep);
    }
    if (isRecord(document) && isRecord(document["resourcePlans"])) {
        return Object.entries(document["resourcePlans"]).flatMap(([urn, plan]) =>
            planSteps(urn, plan),
        );
    }
    throw new UnreadableError(
        "this is neither the output of `pulumi preview --json` (no list of steps) nor a saved plan (no resourcePlans)",
    );
}

function previewStep(step: unknown): Step {
    if (!isRecord(step) || typeof step["op"] !== "string" || typeof step["urn"] !== "string") {
        throw new UnreadableError(`a step has no operation or no URN: ${JSON.stringify(step)}`);
    }
    const reasons = [step["replaceReasons"], step["diffReasons"]].find(
        (list): list is string[] => Array.isArray(list) && list.length > 0,
    );
    const { oldState: before, newState: after } = step;
    return {
        op: step["op"],
        urn: step["urn"],
        causes: reasons ?? [],
        protected: isRecord(before) && before["protect"] === true,
        ...(isRecord(before) ? { before } : {}),
        ...(isRecord(after) ? { after } : {}),
    };
}

/** A plan lists operations only; what is protected is told by the type alone. */
function planSteps(urn: string, plan: unknown): Step[] {
    const steps = isRecord(plan) ? plan["steps"] : undefined;
    if (!Array.isArray(steps)) {
        throw new UnreadableError(`the plan has no steps for ${urn}`);
    }
    return steps.map((op) => {
        if (typeof op !== "string") {
            throw new UnreadableError(`the plan has an operation that is no text for ${urn}`);
        }
        return { op, urn, causes: [], protected: false };
    });
}

function failureOf(diagnostics: unknown): string | undefined {
    const list = Array.isArray(diagnostics) ? diagnostics : [];
    const error = list.filter(isRecord).find(({ severity }) => severity === "error");
    return error && JSON.stringify(error["message"]);
}

/** The parts of a URN. @throws UnreadableError for what is none */
export function readUrn(urn: string): Urn {
    const parts = parseUrn(urn);
    if (!parts) {
        throw new UnreadableError(`${JSON.stringify(urn)} is no URN`);
    }
    return parts;
}

function isRecord(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

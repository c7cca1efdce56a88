/** What the engine knows a resource by, and what keeps it from being replaced or deleted: for comparison. */
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { vi } from "vitest";
import { run } from "./program";

/** A line for each resource that a configuration registers, sorted. */
export async function registrationsOf(config: object): Promise<string[]> {
    const register = vi.spyOn(MockMonitor.prototype, "registerResource");
    try {
        await run(config);
        return register.mock.calls
            .map(([request]) => describeRequest(request as RegisterResourceRequest))
            .sort();
    } finally {
        register.mockRestore();
    }
}

/** Type, name and parent, which make the URN; then whatever else lasts. */
function describeRequest(request: RegisterResourceRequest): string {
    const lasting: readonly (readonly [title: string, values: readonly string[]])[] = [
        ["of", [lastName(request.getParent())]],
        ["", request.getProtect() ? ["protected"] : []],
        ["", request.getRetainondelete() ? ["retained"] : []],
        ["deleted with", [lastName(request.getDeletedwith())]],
        ["keeps", request.getIgnorechangesList()],
        ["replaced for", request.getReplaceonchangesList()],
        ["secret", request.getAdditionalsecretoutputsList()],
    ];
    const words = lasting.flatMap(([title, values]) =>
        values.join("") === "" ? [] : [`${title} ${values.join(", ")}`.trim()],
    );
    return [`${request.getType()} ${request.getName()}`, ...words].join("; ");
}

/** Type and name of a URN. */
function lastName(urn: string): string {
    const [, , types = "", name = ""] = urn.split("::");
    return urn === "" ? "" : `${types.split("$").at(-1)} ${name}`;
}

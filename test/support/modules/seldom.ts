/**
 * Leaves alone what packages load but seldom need: what turns functions into text, of which no program of ours
 * has any (an npm client, a compiler, a debugger), traces, the automation API, charts and files of YAML, and
 * messages in other languages; and maps of the SDK's own sources for stacks that are not kept. Whatever is asked
 * for is loaded then, but for the debugger, which would have to be there from the start.
 */
import Module from "node:module";
import { setFlagsFromString } from "node:v8";
import { loader } from "./archive";

/** What is loaded when something of it is used: as it is asked for, by who asks. */
const SELDOM: Readonly<Record<string, readonly string[]>> = {
    "/@pulumi/pulumi/": ["typescript", "@npmcli/arborist", "normalize-package-data", "fdir"],
    "/@pulumi/pulumi/index.js": ["./automation"],
    "/@pulumi/pulumi/cmd/run/tracing.js": [
        ...["resources", "sdk-trace-base", "sdk-trace-node"].map(
            (name) => `@opentelemetry/${name}`,
        ),
        ...["exporter-zipkin", "instrumentation-grpc", "instrumentation"].map(
            (name) => `@opentelemetry/${name}`,
        ),
    ],
    "/@pulumi/kubernetes/index.js": ["./helm", "./kustomize", "./yaml"],
    "/zod/v4/": ["../locales/index.cjs"],
};

/** Has V8 tell of every script from the start, through a debugger, so that functions can be turned into text. */
const DEBUGGER = "../../runtime/closure/v8Hooks";

/** Has node load them when something of them is used. */
export function loadSeldomLater(): void {
    // As the SDK does when it starts: V8 takes nothing that was compiled with other flags.
    setFlagsFromString("--allow-natives-syntax");
    const load = loader._load;
    loader._load = function (request, parent, ...rest) {
        const real = () => load.call(this, request, parent, ...rest);
        if (request === DEBUGGER) {
            return { isInitializedAsync: () => Promise.resolve() };
        }
        return isSeldom(request, String(parent?.filename)) ? later(real) : real();
    };
}

function isSeldom(request: string, parent: string): boolean {
    return Object.entries(SELDOM).some(
        ([who, requests]) => requests.includes(request) && parent.includes(who),
    );
}

/** Has stacks of the SDK's own files say where they are in what runs. */
export function mapNoPackages(): void {
    const support = Module.createRequire(__filename)("source-map-support") as {
        install(options: { retrieveSourceMap(file: string): object | null }): void;
    };
    const map = { version: 3, sources: [], names: [], mappings: "" };
    support.install({
        retrieveSourceMap: (file) =>
            file.includes("/node_modules/") ? { url: file, map: JSON.stringify(map) } : null,
    });
}

/** A module that is loaded when something of it is used. */
function later(work: () => unknown): unknown {
    let loaded: object | undefined;
    const get = () => (loaded ??= work() as object);
    return new Proxy(
        {},
        {
            get: (_, key) => {
                // Whoever imports such a module takes it as it is, without a look at all of it.
                if (key === "__esModule") {
                    return true;
                }
                const real = get();
                // To an import, a module of CommonJS is its own default.
                return key === "default" && !("__esModule" in real)
                    ? real
                    : (Reflect.get(real, key) as unknown);
            },
            has: (_, key) => Reflect.has(get(), key),
        },
    );
}

/**
 * Leaves alone what the SDK loads but seldom needs: an npm client and a compiler, for functions that are turned
 * into text, of which no program of ours has any. They are a third of its start.
 */
import { setFlagsFromString } from "node:v8";
import { loader } from "./archive";

const SELDOM: ReadonlySet<string> = new Set(["@npmcli/arborist", "typescript"]);

/** Has node load them when something of them is used. */
export function loadSeldomLater(): void {
    // As the SDK does when it starts: V8 takes nothing that was compiled with other flags.
    setFlagsFromString("--allow-natives-syntax");
    const load = loader._load;
    loader._load = function (request, parent, ...rest) {
        const asked = SELDOM.has(request) && parent?.filename.includes("/@pulumi/pulumi/");
        return asked
            ? later(() => load.call(this, request, parent, ...rest))
            : load.call(this, request, parent, ...rest);
    };
}

function later(work: () => unknown): unknown {
    let loaded: object | undefined;
    const get = () => (loaded ??= work() as object);
    return new Proxy(
        {},
        {
            // Whoever imports such a module takes it as it is, without a look at all of it.
            get: (_, key) => key === "__esModule" || (Reflect.get(get(), key) as unknown),
            has: (_, key) => Reflect.has(get(), key),
        },
    );
}

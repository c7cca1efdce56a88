/** Pure: what must not go through a proxy. */
import * as constants from "../../model/constants";

const PROXY = /^(https?|all)_proxy$/i;
const EXCEPTIONS = /^(no_proxy|NO_PROXY)$/;

/** Everything inside the gateway; k3s, its kubelet and the pods talk to one another directly. */
const INSIDE = [
    "localhost",
    "127.0.0.0/8",
    constants.CLUSTER_CIDR,
    constants.SERVICE_CIDR,
    ".svc",
    ".cluster.local",
];

/**
 * Adds what is inside to the exceptions of a proxy, under both names that programs read; what the user
 * has excepted stays. Without a proxy nothing changes.
 *
 * @param own networks and names of this gateway
 */
export function withoutProxy(
    env: Readonly<Record<string, string>>,
    own: readonly string[],
): Record<string, string> {
    const entries = Object.entries(env);
    if (!entries.some(([name]) => PROXY.test(name))) {
        return { ...env };
    }
    const given = entries
        .filter(([name]) => EXCEPTIONS.test(name))
        .flatMap(([, value]) => value.split(",").map((part) => part.trim()))
        .filter((part) => part !== "");
    const exceptions = [...new Set([...given, ...INSIDE, ...own])].join(",");
    const others = entries.filter(([name]) => !EXCEPTIONS.test(name));
    return { ...Object.fromEntries(others), NO_PROXY: exceptions, no_proxy: exceptions };
}

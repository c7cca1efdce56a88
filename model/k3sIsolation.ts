/** Pure: whether k3s's settings, as they are written, leave sandboxes closed. */
import { argumentName, FLAG_VALUES, REFUSED_ARGUMENTS, REFUSED_FLAGS } from "./k3sFlags";

/** Values of what may be named only when it is closed, as k3s has it by itself. */
const CLOSED: Readonly<Record<string, RegExp>> = {
    "anonymous-auth": /^false$/,
    "authentication-token-webhook": /^true$/,
    "authorization-mode": /^(Webhook|Node,RBAC|RBAC,Node)$/,
    "make-iptables-util-chains": /^true$/,
    "masquerade-all": /^false$/,
    "read-only-port": /^0$/,
    "service-account-lookup": /^true$/,
    "tls-san-security": /^true$/,
    "use-service-account-credentials": /^true$/,
};

/** A limit of a pod's process ids; without one, an agent can take all of the machine's. */
const PID_LIMIT = /^[1-9][0-9]*$/;

/**
 * What opens sandboxes to one another, to the network or to strangers.
 *
 * @param config k3s's settings, read from `config.yaml`
 * @returns each as it stands there, such as `disable-network-policy: true`
 */
export function openedBy(config: Readonly<Record<string, unknown>>): string[] {
    return Object.entries(config).flatMap(([given, value]) => {
        // k3s adds a list to that of another file with a plus at the end of its name.
        const name = given.replace(/\+$/, "");
        const values = listOf(value);
        if (REFUSED_FLAGS.get(name)?.isolation) {
            const closed = CLOSED[name] ?? /^false$/;
            return values.filter((each) => !closed.test(each)).map((each) => `${name}: ${each}`);
        }
        if (name === "flannel-backend") {
            const known = FLAG_VALUES.get(name) ?? [];
            return values.filter((each) => !known.includes(each)).map((each) => `${name}: ${each}`);
        }
        const refused = REFUSED_ARGUMENTS.get(name);
        return values
            .filter((each) => refused !== undefined && opens(refused, each))
            .map((each) => `${name}: ${each}`);
    });
}

function opens(
    refused: NonNullable<ReturnType<typeof REFUSED_ARGUMENTS.get>>,
    argument: string,
): boolean {
    const name = argumentName(argument);
    const value = argument.split("=").slice(1).join("=");
    if (name === "pod-max-pids") {
        return !PID_LIMIT.test(value);
    }
    return refused.get(name)?.isolation === true && !CLOSED[name]?.test(value);
}

function listOf(value: unknown): string[] {
    return (Array.isArray(value) ? value : [value]).map(String);
}

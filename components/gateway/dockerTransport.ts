/** Pure: whether what is said to a Docker daemon can be read, or said, by others on the way. */

/** Why a daemon must not be asked, and what to do instead. */
export interface Plain {
    readonly reason: string;
    readonly instead: string;
}

/**
 * A daemon over TCP without TLS does what anybody asks as root, and the gateway's keys would go to it in
 * clear. On this machine's own loopback, where a tunnel ends, nobody listens in.
 *
 * @param host as in DOCKER_HOST. @default one that is not over TCP
 * @param env the clients'. The docker plugin uses TLS with DOCKER_CERT_PATH, `docker` with DOCKER_TLS_VERIFY
 * @returns undefined when it may be asked
 */
export function plainTransport(
    host: string | undefined,
    env: Readonly<Record<string, string | undefined>>,
): Plain | undefined {
    const [, name = ""] = /^(?:tcp|http):\/\/(\[[^\]]*\]|[^:/]*)/.exec(host ?? "") ?? [];
    if (name === "" || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(name)) {
        return undefined;
    }
    if (env["DOCKER_CERT_PATH"] && env["DOCKER_TLS_VERIFY"]) {
        return undefined;
    }
    return {
        reason: "not be asked over TCP without TLS: whoever reaches it is root there, and the gateway's keys would go to it in clear",
        instead:
            "ssh://user@server, or DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH=FOLDER with ca.pem, cert.pem and key.pem",
    };
}

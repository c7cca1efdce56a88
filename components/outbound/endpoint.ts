/** Pure: where a model is, and what its base URL must not be to be reached through the proxy. */
import { HTTP_PORT, INFERENCE_HOST } from "../../model/hosts";
import type { Endpoint } from "./haproxy";

/** What is wrong with a base URL, completing "must ...". It holds no part of the URL, which is secret. */
export function baseUrlProblem(baseUrl: string): string | undefined {
    const { protocol, hostname, username, password, search, hash, port, pathname } = new URL(
        baseUrl,
    );
    if (protocol !== "https:" && protocol !== "http:") {
        return "be an http or https URL";
    }
    if (username !== "" || password !== "") {
        return "hold no user name or password: the key is sent as `Authorization: Bearer`";
    }
    if (search !== "" || hash !== "") {
        return "end with its path: clients add to it";
    }
    if (!/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(hostname)) {
        return "name a host, or give its IPv4 address";
    }
    if (pathname.length > 512) {
        return "have a path of at most 512 characters";
    }
    return port === "0" ? "have a port from 1 to 65535" : undefined;
}

/** Where the model is. @throws RangeError for a URL that `baseUrlProblem` refuses */
export function endpointOf(baseUrl: string): Endpoint {
    const problem = baseUrlProblem(baseUrl);
    if (problem !== undefined) {
        throw new RangeError(`inference.baseUrl: must ${problem}`);
    }
    const { protocol, hostname, port, pathname } = new URL(baseUrl);
    const encrypted = protocol === "https:";
    return {
        tls: encrypted,
        host: hostname,
        port: port === "" ? (encrypted ? 443 : HTTP_PORT) : Number(port),
        path: pathname.replace(/\/+$/, ""),
    };
}

/** The base URL that a sandbox is given instead. */
export function sandboxUrl(endpoint: Endpoint): string {
    return `http://${INFERENCE_HOST}${endpoint.path}`;
}

/** What is wrong with a key, completing "must ...". An empty one is sent to a server that wants none. */
export function keyProblem(apiKey: string): string | undefined {
    // As HTTP has it: anything else would end the header, or the request.
    if (!/^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$/.test(apiKey)) {
        return "hold printable ASCII characters and no line break: it is sent in a header of HTTP";
    }
    return apiKey.length > 8192 ? "have at most 8192 characters" : undefined;
}

/** Pure: what the outbound proxy's objects are called. */

/** Name of the objects that all sandboxes share. */
export const OUTBOUND_NAME = "outbound-proxy";

/** Containers of the proxy's pod: HAProxy for connections, CoreDNS for names. */
export const PROXY_CONTAINER = "proxy";
export const DNS_CONTAINER = "dns";

/** Name of a sandbox's own way to the proxy. */
export const outboundService = (sandbox: string) => `${sandbox}-outbound`;

/** Key of the ConfigMap under which HAProxy's configuration is. */
export const PROXY_FILE = "haproxy.cfg";

/** On the pod: changes with where models are, and with their keys. */
export const ANNOTATION_MODELS = "sandbox-gateway.dev/models-hash";

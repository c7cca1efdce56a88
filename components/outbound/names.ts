/** Pure: what the outbound proxy's objects are called. */

/** Name of the objects that all sandboxes share. */
export const OUTBOUND_NAME = "outbound-proxy";

/** Name of a sandbox's own way to the proxy. */
export const outboundService = (sandbox: string) => `${sandbox}-outbound`;

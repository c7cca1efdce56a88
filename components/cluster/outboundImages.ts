/** Pure: images of the outbound proxy, which a cluster has to be able to pull. */
import { DNS_IMAGE, PROXY_IMAGE } from "../../model/constants";

/** Images of the outbound proxy's pod. */
export interface OutboundImages {
    /** HAProxy 3.2 or newer, with the certificates of public authorities. */
    readonly proxy: string;
    /** CoreDNS. */
    readonly dns: string;
}

/** The given images, with the default for each that is missing. */
export function outboundImages({ proxy, dns }: Partial<OutboundImages> = {}): OutboundImages {
    return { proxy: proxy ?? PROXY_IMAGE, dns: dns ?? DNS_IMAGE };
}

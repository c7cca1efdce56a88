/** Where people open a sandbox's page. */
import * as pulumi from "@pulumi/pulumi";
import type { Address } from "../cluster/cluster";
import type { Application } from "./applications/application";

/** URLs of a page, both undefined where there is none. */
export interface PageUrls {
    readonly url: pulumi.Output<string | undefined>;
    /** The URL with the token, which lets any browser in that opens it. */
    readonly tokenUrl: pulumi.Output<string | undefined>;
}

/** The page of an application that is published at `address`. */
export function pageUrls(
    application: Application | undefined,
    address: pulumi.Output<Address> | undefined,
    token: pulumi.Output<string>,
): PageUrls {
    const base = address?.apply(({ host, port, ownName = host }) =>
        application?.atAddress ? `http://${host}:${port}` : `http://${ownName}:${port}`,
    );
    const path = application?.path ?? "/";
    return {
        url: pulumi.output(base?.apply((url) => url + path)),
        tokenUrl: pulumi.output(
            base &&
                pulumi
                    .all([base, token])
                    .apply(
                        ([url, secret]) =>
                            application?.tokenUrl && url + application.tokenUrl(secret),
                    ),
        ),
    };
}

/** Volume, Network and RemoteImage as data. */

import type { ResourceRules } from "./schema";
import { REPLACE, REPLACE_COMPUTED, bool, field, map, set, str } from "./schema";

const labels = { label: field.str({ required: true }), value: field.str({ required: true }) };

export const volumeRules: ResourceRules = {
    autoname: true,
    deleteBeforeReplace: false,
    unimplemented: ["cluster"],
    props: {
        name: str({ ...REPLACE, required: true }),
        driver: str(REPLACE_COMPUTED),
        driverOpts: map(REPLACE),
        labels: set(labels, REPLACE),
        mountpoint: str({ output: true }),
    },
};

export const networkRules: ResourceRules = {
    autoname: true,
    deleteBeforeReplace: false,
    unimplemented: [],
    props: {
        name: str({ ...REPLACE, required: true }),
        attachable: bool(REPLACE),
        driver: str(REPLACE_COMPUTED),
        ingress: bool(REPLACE),
        internal: bool(REPLACE_COMPUTED),
        ipamConfigs: set(
            {
                subnet: field.str(),
                gateway: field.str(),
                ipRange: field.str(),
                auxAddress: map(),
            },
            REPLACE_COMPUTED,
        ),
        ipamDriver: str({ ...REPLACE, default: "default" }),
        ipamOptions: map(REPLACE),
        ipv6: bool(REPLACE),
        labels: set(labels, REPLACE),
        options: map(REPLACE_COMPUTED),
        scope: str({ output: true }),
    },
};

export const imageRules: ResourceRules = {
    autoname: false,
    deleteBeforeReplace: false,
    unimplemented: ["build"],
    props: {
        name: str({ ...REPLACE, required: true }),
        forceRemove: bool(),
        imageId: str({ output: true }),
        keepLocally: bool(),
        platform: str(REPLACE),
        pullTriggers: set("string", REPLACE),
        repoDigest: str({ output: true }),
        triggers: map(REPLACE),
    },
};

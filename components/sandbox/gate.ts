/** Pure: the container that keeps a sandbox's agent back until its network is closed. */
import type { types } from "@pulumi/kubernetes";
import type { Gate } from "../cluster/cluster";
import { GATE_CONTAINER, GATE_SCRIPT, SCRIPTS_PATH } from "../../model/constants";
import { literally } from "../../model/literal";

/** A shell and one connection at a time. */
const RESOURCES = {
    requests: { cpu: "10m", memory: "16Mi" },
    limits: { cpu: "200m", memory: "32Mi" },
};

/** Nobody, and nothing that it could change. */
const NOBODY = 65534;

/** The container. See scripts/gate.sh. */
export function gateContainer(
    { image, target }: Gate,
    volumeMounts: types.input.core.v1.VolumeMount[],
): types.input.core.v1.Container {
    return {
        name: GATE_CONTAINER,
        image,
        imagePullPolicy: "IfNotPresent",
        ...literally({
            command: ["/bin/sh", `${SCRIPTS_PATH}/${GATE_SCRIPT}`],
            args: target ? [target.host, String(target.port)] : [],
        }),
        resources: RESOURCES,
        // What it says last is why the sandbox does not start.
        terminationMessagePolicy: "FallbackToLogsOnError",
        securityContext: {
            runAsNonRoot: true,
            runAsUser: NOBODY,
            runAsGroup: NOBODY,
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
        },
        volumeMounts,
    };
}

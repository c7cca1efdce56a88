/** The docker provider plugin, put together. */

import type { Plugin } from "../host/plugin";
import { checkProviderConfig } from "./client";
import { Daemon } from "./daemon";
import { Container } from "./resources/container";
import { RemoteImage } from "./resources/image";
import { Network } from "./resources/network";
import { Volume } from "./resources/volume";
import type { PluginVersion } from "./rules/container";

export function dockerPlugin(version: PluginVersion): Plugin {
    const daemon = new Daemon();
    return {
        name: "docker",
        version,
        resources: {
            "docker:index/container:Container": new Container(daemon, version),
            "docker:index/network:Network": new Network(daemon),
            "docker:index/remoteImage:RemoteImage": new RemoteImage(daemon),
            "docker:index/volume:Volume": new Volume(daemon),
        },
        checkConfig: checkProviderConfig,
        configure: (config) => daemon.configure(config),
    };
}

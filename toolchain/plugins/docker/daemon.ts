/** The configured daemon: one client, made at first use, so that Configure never needs it. */

import type Docker from "dockerode";
import type { Obj } from "../host/values";
import { connect, explain, hostOf, registryAuths } from "./client";
import type { RegistryAuth } from "./client";

export class Daemon {
    private config: Obj = {};
    private client: Docker | undefined;

    configure(config: Obj): void {
        this.config = config;
        this.client = undefined;
    }

    get host(): string {
        return hostOf(this.config, process.env);
    }

    get auths(): RegistryAuth[] {
        return registryAuths(this.config);
    }

    docker(): Docker {
        this.client ??= connect(this.config, process.env);
        return this.client;
    }

    /** Runs one step against the daemon; a failure says what was being done, and where. */
    async call<T>(what: string, step: (docker: Docker) => Promise<T>): Promise<T> {
        try {
            return await step(this.docker());
        } catch (error) {
            throw explain(what, error, this.host);
        }
    }
}

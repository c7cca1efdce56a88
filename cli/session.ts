/** What a target of make works on. */
import type { DockerHost } from "../machine/docker/host";
import type { StateFolder } from "../machine/stateFolder";
import type { PlaceSettings } from "../settings/schema";
import type { Progress } from "../steps/progress";

/** A stack of a checkout: enough to read its file. */
export interface Checkout {
    /** Folder of the project. */
    readonly root: string;
    /** As STACK names it, of `org/project/stack` as well. */
    readonly stack: string;
}

/** A stack that pulumi can be run on, in the run that does so. */
export interface Session extends Checkout {
    readonly progress: Progress;
    /** Environment of pulumi; it names the stack. */
    readonly env: NodeJS.ProcessEnv;
    /** The checkout's own folder for state, also where the state is in a backend of the user's. */
    readonly folder: StateFolder;
    /** Where the sandboxes run, as the stack's file says. */
    readonly place: PlaceSettings;
    /** Daemon of the gateway. @default there is none, or none is needed */
    readonly docker: DockerHost | undefined;
}

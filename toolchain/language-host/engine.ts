/** Notices the end of the engine, which may have been killed without a word. */
import { Client, connectivityState, credentials } from "@grpc/grpc-js";

/**
 * Calls `onGone` once nothing answers at the engine's address any more.
 *
 * An open connection tells within milliseconds; the engine listens before it starts a host, so a
 * refused connection always means that it is gone.
 */
export function watchEngine(address: string, onGone: () => void): void {
    const channel = new Client(address, credentials.createInsecure()).getChannel();
    const follow = (state: connectivityState) => {
        if (state === connectivityState.TRANSIENT_FAILURE) {
            channel.close();
            onGone();
            return;
        }
        // Asking for the state with `true` also reconnects a connection that was closed.
        channel.watchConnectivityState(state, Infinity, () =>
            follow(channel.getConnectivityState(true)),
        );
    };
    follow(channel.getConnectivityState(true));
}

/** A stack that is there already, as every target but `up` and `recover` works on. */
import type { Progress } from "../steps/progress";
import { preparePulumi } from "./prepare";
import { dockerOf } from "./recovery/missing";
import type { Checkout, Session } from "./session";
import { chooseEnvironment } from "./stack/pulumiEnvironment";
import { readPlace } from "./stack/stackFile";
import { findState, isNotThere } from "./stack/stackState";

/** Opens a stack. @throws StepError when there is none */
export async function openStack(checkout: Checkout, progress: Progress): Promise<Session> {
    const { session, isThere } = await findStack(checkout, progress);
    if (!isThere) {
        throw isNotThere(session);
    }
    return session;
}

/** Finds what a stack is worked on with, and whether it is there. */
export async function findStack(
    checkout: Checkout,
    progress: Progress,
): Promise<{ readonly session: Session; readonly isThere: boolean }> {
    const { root, stack } = checkout;
    const place = readPlace(checkout);
    const docker = await dockerOf(place);
    const tools = await preparePulumi(progress);
    const { env, folder } = chooseEnvironment(root, tools, { stack, docker });
    const session: Session = { ...checkout, progress, env, folder, place, docker };
    return { session, isThere: await findState(session) };
}

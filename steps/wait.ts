/** Waiting for a condition, with a bound. */
import { setTimeout as sleep } from "node:timers/promises";

/** Least time between two looks, in milliseconds. One that takes longer is given a pause as long as it. */
const INTERVAL = 100;

/**
 * Returns as soon as `condition` holds.
 *
 * @param what what is waited for, for the message
 * @param seconds how long
 * @throws Error when it does not hold in time, with what the last look threw, if it did
 */
export async function until(
    what: string,
    seconds: number,
    condition: () => Promise<boolean> | boolean,
): Promise<void> {
    const end = Date.now() + seconds * 1000;
    let last: unknown;
    while (Date.now() < end) {
        const began = Date.now();
        try {
            if (await condition()) {
                return;
            }
            last = undefined;
        } catch (error) {
            last = error;
        }
        await sleep(Math.max(INTERVAL, Date.now() - began));
    }
    const reason = last instanceof Error ? `: ${last.message}` : "";
    throw new Error(`waited ${seconds} s in vain: ${what}${reason}`);
}

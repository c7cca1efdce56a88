/** Somebody who goes on asking while a test does something else. */

/** What they have seen. */
export interface Watched {
    /** How often they were answered. */
    readonly answered: number;
    /** What went wrong, each time. */
    readonly failed: readonly string[];
}

/** Milliseconds between two questions. */
const PAUSE = 250;

/**
 * Asks again and again while something is done.
 *
 * @param ask throws when it is not answered as it should be
 */
export async function asking(
    ask: () => Promise<unknown>,
    work: () => Promise<unknown>,
): Promise<Watched> {
    const failed: string[] = [];
    let answered = 0;
    let goesOn = true;
    const asks = (async () => {
        while (goesOn) {
            await ask().then(
                () => answered++,
                (error: unknown) => failed.push(String(error)),
            );
            await new Promise((resolve) => setTimeout(resolve, PAUSE));
        }
    })();
    try {
        await work();
    } finally {
        goesOn = false;
        await asks;
    }
    return { answered, failed };
}

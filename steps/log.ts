/** The log of a run. */
import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import * as path from "node:path";

/** A file that gets everything; that it cannot be written ends nothing. */
export class Log {
    private readonly stream: WriteStream;
    private isLost = false;

    /**
     * Opens it, in a folder that is made where there is none. What commands say may name more than others on the
     * machine need to know: both are for their owner alone.
     *
     * @param onLost is told once, when it cannot be written: the disk is full, or the folder another user's
     */
    constructor(
        readonly file: string,
        private readonly onLost: (error: Error) => void,
    ) {
        try {
            mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
        } catch (error) {
            this.lose(error as Error);
        }
        this.stream = createWriteStream(file, { mode: 0o600 }).on("error", (error) =>
            this.lose(error),
        );
    }

    /** Adds text as it is. */
    write(text: string): void {
        this.stream.write(text);
    }

    private lose(error: Error): void {
        if (!this.isLost) {
            this.isLost = true;
            this.onLost(error);
        }
    }
}

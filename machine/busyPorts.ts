/** Ports of this machine that something listens on. */
import { createServer } from "node:net";

/** The first of the ports that something listens on. @returns undefined when all are free */
export async function findBusyPort(
    address: string,
    ports: readonly number[],
): Promise<number | undefined> {
    for (const port of ports) {
        if (!(await isFree(address, port))) {
            return port;
        }
    }
    return undefined;
}

function isFree(address: string, port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const server = createServer();
        server.once("error", (error: NodeJS.ErrnoException) =>
            // An address this machine does not have is Docker's to complain about.
            resolve(error.code !== "EADDRINUSE"),
        );
        server.listen(port, address, () => server.close(() => resolve(true)));
    });
}

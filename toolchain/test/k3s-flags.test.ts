/** The stand-in for k3s knows the flags that k3s has: what it does not know it would skip in silence. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, it } from "vitest";
import { K3S_FLAGS } from "../../model/k3sFlags";

const SOURCE = path.join(__dirname, "../../toolchain/go/k3s/flags.go");

it("has every flag of k3s server, to take it or to refuse it", () => {
    const source = readFileSync(SOURCE, "utf8");
    const missing = [...K3S_FLAGS.keys()].filter((name) => !source.includes(`"${name}"`));
    expect(missing).toEqual([]);
});

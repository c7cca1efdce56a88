/** Pure: Kubernetes quantities, in the notations that the schema accepts. */

const FACTORS: Readonly<Record<string, number>> = {
    m: 1e-3,
    "": 1,
    k: 1e3,
    M: 1e6,
    G: 1e9,
    T: 1e12,
    P: 1e15,
    E: 1e18,
    Ki: 2 ** 10,
    Mi: 2 ** 20,
    Gi: 2 ** 30,
    Ti: 2 ** 40,
    Pi: 2 ** 50,
    Ei: 2 ** 60,
};

/** The number that a quantity stands for: of bytes, or of CPUs. */
export function parseQuantity(text: string): number {
    const [, number = "0", suffix = ""] = /^([0-9.]+)([A-Za-z]*)$/.exec(text) ?? [];
    return Number(number) * (FACTORS[suffix] ?? Number.NaN);
}

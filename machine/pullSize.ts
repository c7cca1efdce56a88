/** Pure: how much a `docker pull` fetches. */

/** What is read of `docker manifest inspect --verbose`, for one platform. */
interface Manifest {
    readonly Descriptor?: {
        readonly platform?: { readonly architecture: string; readonly os: string };
    };
    readonly SchemaV2Manifest?: Layers;
    readonly OCIManifest?: Layers;
}

interface Layers {
    readonly layers?: readonly { readonly size: number }[];
}

/**
 * Bytes of the layers for a Linux machine.
 *
 * @param arch as Docker calls it, e.g. `arm64`
 * @returns undefined when there are none for it, or it does not say
 */
export function pullSize(inspected: string, arch: string): number | undefined {
    const parsed = JSON.parse(inspected) as Manifest | Manifest[];
    // An image for one platform is not in a list.
    const manifest = Array.isArray(parsed)
        ? parsed.find(({ Descriptor }) => {
              const { os, architecture } = Descriptor?.platform ?? {};
              return os === "linux" && architecture === arch;
          })
        : parsed;
    const { layers } = manifest?.SchemaV2Manifest ?? manifest?.OCIManifest ?? {};
    return layers?.reduce((sum, { size }) => sum + size, 0);
}

/** An upload as a tar stream, the only way in which the Docker API takes files. */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { pack } from "tar-stream";
import { PluginError } from "../../host/plugin";
import { asString, text } from "../../host/values";
import type { Obj } from "../../host/values";

const PLAIN = 0o644;
/** The real plugin gives execution to the owner only. */
const EXECUTABLE = 0o744;

function uploadMode(upload: Obj): number {
    const permissions = asString(upload.permissions);
    if (permissions) {
        return parseInt(permissions, 8);
    }
    return upload.executable === true ? EXECUTABLE : PLAIN;
}

async function uploadContent(upload: Obj): Promise<Buffer> {
    const encoded = asString(upload.contentBase64);
    if (encoded) {
        return Buffer.from(encoded, "base64");
    }
    const source = asString(upload.source);
    if (!source) {
        return Buffer.from(asString(upload.content) ?? "", "utf8");
    }
    try {
        return await readFile(source);
    } catch (error) {
        throw new PluginError(
            `upload of ${text(upload.file)}: cannot read source "${source}": ` +
                `${(error as Error).message}; a relative path starts at ${process.cwd()} ` +
                `(is ${basename(source)} there?)`,
        );
    }
}

/** A tar with this one file at its absolute path; unpacked at "/" it makes missing folders. */
export async function uploadArchive(upload: Obj): Promise<Buffer> {
    const content = await uploadContent(upload);
    const tar = pack();
    const header = {
        name: (asString(upload.file) ?? "").replace(/^\/+/, ""),
        mode: uploadMode(upload),
        uid: Number(asString(upload.owner) || 0),
        gid: Number(asString(upload.group) || 0),
        mtime: new Date(),
    };
    tar.entry(header, content);
    tar.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of tar as AsyncIterable<Buffer>) {
        chunks.push(chunk);
    }
    return Buffer.concat(chunks);
}

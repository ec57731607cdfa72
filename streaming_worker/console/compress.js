// Writes each built text file a second time, compressed, so that the server has nothing to compute.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";

const TEXT = /\.(js|css|html|svg)$/;

for (const name of readdirSync("dist", { recursive: true })) {
  if (TEXT.test(name)) {
    const path = join("dist", name);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: constants.Z_BEST_COMPRESSION }));
  }
}

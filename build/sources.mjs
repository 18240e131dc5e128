// What static/dist is made from. `chat/web/built_files.py` computes the same digest, to notice a
// build that is older than its sources.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const FOLDERS = ["static/js", "static/css", "build"];
const FILES = ["static/icon.svg", "static/icons.txt", "package-lock.json"];

async function filesIn(folder) {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const found = entries.map((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesIn(path) : [path];
  });
  return (await Promise.all(found)).flat();
}

/** The digest of all sources: of each its path and its content, in the order of the paths. */
export async function digest() {
  const paths = [...FILES, ...(await Promise.all(FOLDERS.map(filesIn))).flat()].sort();
  const sum = createHash("sha256");
  for (const path of paths) {
    sum.update(`${path}\0`);
    sum.update(await readFile(join(root, path)));
    sum.update("\0");
  }
  return sum.digest("hex");
}

/** The path of a file of the project, with slashes on every platform. */
export const named = (path) => relative(root, path).split(sep).join("/");

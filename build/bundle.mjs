// Makes static/dist: what browsers are served. Each file's name contains a hash of its content, so
// that it may be cached for ever, and has its compressed forms beside it. manifest.json says what
// each file is called now.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import { build, transform } from "esbuild";

import { digest, named, root } from "./sources.mjs";

const folder = join(root, "static", "dist");
const ADDRESS = "/static/dist/";

// What is served as it is.
const COPIED = ["static/vendor/icons.svg", "static/vendor/socket.io.esm.min.js", "static/icon.svg"];
// The first stylesheets in their order: the layers are named in tokens.css.
const FIRST = ["tokens.css", "reset.css", "base.css"];
// Stylesheets that only the pages of admins need.
const ADMIN = ["status.css", "table.css"];
const ENTRY = "static/js/main.js";
// Scripts that share nothing with the others.
const ALONE = ["static/js/first-view.js", "static/js/visitor.js"];
const SMALL = 1000; // bytes; below that compression saves nothing

/** One build: the files by name, and by what the project calls each of them. */
class Output {
  files = new Map();
  names = {};

  /** Adds a file that the project calls `name`; the name that it is served by. */
  add(name, content, served = hashedName(name, content)) {
    this.files.set(served, Buffer.from(content));
    if (name) this.names[name] = served;
    return served;
  }
}

function hashedName(name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  const dot = name.lastIndexOf(".");
  return `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
}

async function copyFiles(output) {
  for (const path of COPIED) {
    const content = await readFile(join(root, path), "utf8");
    output.add(basename(path), content.replace(/\n?\/\/# sourceMappingURL=.*/, ""));
  }
}

async function bundleStyles(output) {
  const all = (await readdir(join(root, "static", "css"))).filter((name) => name.endsWith(".css"));
  const others = all.filter((name) => !FIRST.includes(name) && !ADMIN.includes(name)).sort();
  for (const [name, parts] of [
    ["style.css", [...FIRST, ...others]],
    ["admin.css", ADMIN],
  ]) {
    const read = parts.map((part) => readFile(join(root, "static", "css", part), "utf8"));
    const text = (await Promise.all(read)).join("\n");
    output.add(name, (await transform(text, { loader: "css", minify: true })).code);
  }
}

/** The sources name files of static/vendor by their addresses; in the bundles they are hashed. */
function hashedAddresses(output) {
  const hashed = (text) =>
    text.replace(/\/static\/vendor\/([\w.-]+)/g, (address, name) => {
      if (!output.names[name]) throw new Error(`${address} is not among the files of the build`);
      return ADDRESS + output.names[name];
    });
  return {
    name: "hashed addresses",
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^\/static\// }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: /static.js.+\.js$/ }, async ({ path }) => ({
        contents: hashed(await readFile(path, "utf8")),
        loader: "js",
      }));
    },
  };
}

async function bundleScripts(output, maps) {
  const options = {
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    outdir: folder,
    absWorkingDir: root,
    entryNames: "[name]-[hash]",
    chunkNames: "shared-[hash]",
    sourcemap: maps ? "linked" : false,
    legalComments: "none",
    plugins: [hashedAddresses(output)],
  };
  const [modules, alone] = await Promise.all([
    build({ ...options, entryPoints: [ENTRY], format: "esm", splitting: true }),
    build({ ...options, entryPoints: ALONE, format: "iife" }),
  ]);
  const outputs = { ...modules.metafile.outputs, ...alone.metafile.outputs };
  for (const { path, contents } of [...modules.outputFiles, ...alone.outputFiles]) {
    const { entryPoint } = outputs[named(path)];
    output.add(entryPoint && basename(entryPoint), contents, basename(path));
  }
  return modulesWith(outputs);
}

/** For each entry all files that it imports at once, itself first: what a page loads ahead. */
function modulesWith(outputs) {
  const imported = (path) =>
    (outputs[path]?.imports ?? [])
      .filter(({ kind }) => kind === "import-statement")
      .flatMap((one) => [one.path, ...imported(one.path)]);
  const entries = Object.entries(outputs).filter(([, { entryPoint }]) => entryPoint);
  return Object.fromEntries(
    entries.map(([path, { entryPoint }]) => [
      basename(entryPoint),
      [...new Set([path, ...imported(path)].map((one) => basename(one)))],
    ]),
  );
}

const brotli = (content) =>
  promisify(brotliCompress)(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });

async function write(output) {
  const kept = new Set(["manifest.json"]);
  const put = async (name, content) => {
    kept.add(name);
    await writeFile(join(folder, `${name}.new`), content);
    await rename(join(folder, `${name}.new`), join(folder, name));
  };
  const each = [...output.files].map(async ([name, content]) => {
    await put(name, content);
    if (content.length < SMALL || name.endsWith(".map")) return;
    await put(`${name}.br`, await brotli(content));
    await put(`${name}.gz`, await promisify(gzip)(content, { level: 9 }));
  });
  await Promise.all(each);
  return { kept, put };
}

/** Writes static/dist from static/js, static/css and static/vendor; with source maps if wanted. */
export async function bundle({ maps }) {
  const sources = await digest();
  const output = new Output();
  await copyFiles(output);
  const [, modules] = await Promise.all([bundleStyles(output), bundleScripts(output, maps)]);
  await mkdir(folder, { recursive: true });
  const { kept, put } = await write(output);
  const manifest = { sources, files: output.names, modules };
  await put("manifest.json", `${JSON.stringify(manifest, null, 2)}\n`);
  const old = (await readdir(folder)).filter((name) => !kept.has(name));
  await Promise.all(old.map((name) => rm(join(folder, name), { force: true })));
  return output.files;
}

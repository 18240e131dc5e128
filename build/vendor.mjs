// Copies what comes from npm packages into static/vendor: the Socket.IO client, and one sprite of
// the icons named in static/icons.txt (one name a line, # starts a comment).

import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { root } from "./sources.mjs";

const modules = join(root, "node_modules");
const folder = join(root, "static", "vendor");

async function iconNames() {
  const text = await readFile(join(root, "static", "icons.txt"), "utf8");
  const lines = text.split("\n").map((line) => line.split("#")[0].trim());
  return [...new Set(lines.filter(Boolean))];
}

async function symbol(name) {
  if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`static/icons.txt: "${name}" is no icon's name`);
  let svg;
  try {
    svg = await readFile(join(modules, "lucide-static", "icons", `${name}.svg`), "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    throw new Error(`static/icons.txt: there is no Lucide icon "${name}" (see lucide.dev/icons)`);
  }
  const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${shapes.replace(/\s+/g, " ").trim()}</symbol>`;
}

async function buildSprite() {
  const symbols = await Promise.all((await iconNames()).map(symbol));
  const open = '<svg xmlns="http://www.w3.org/2000/svg">';
  await writeFile(join(folder, "icons.svg"), `${open}\n${symbols.join("\n")}\n</svg>\n`);
}

/** Writes static/vendor. */
export async function vendor() {
  await mkdir(folder, { recursive: true });
  const client = "socket.io.esm.min.js";
  await copyFile(join(modules, "socket.io-client", "dist", client), join(folder, client));
  await buildSprite();
}

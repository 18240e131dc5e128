// `npm run build`: static/vendor, then static/dist. `npm run watch` does it again whenever a source
// has changed, with source maps.

import { setTimeout as pause } from "node:timers/promises";

import { bundle } from "./bundle.mjs";
import { digest } from "./sources.mjs";
import { vendor } from "./vendor.mjs";

const LOOK_MS = 500;

async function buildAll(options) {
  await vendor();
  const files = await bundle(options);
  const bytes = [...files.values()].reduce((sum, content) => sum + content.length, 0);
  console.log(`static/dist: ${files.size} files, ${Math.round(bytes / 1000)} kB`);
}

async function watch() {
  for (let built = ""; ; await pause(LOOK_MS)) {
    const now = await digest();
    if (now === built) continue;
    built = now; // a build that fails is tried again after the next change
    await buildAll({ maps: true }).catch((error) => console.error(error.message));
  }
}

const run = process.argv.includes("--watch") ? watch : () => buildAll({ maps: false });

run().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});

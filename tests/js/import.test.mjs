// Every module of the page can be imported where there is no page: in Node, without a document.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { register } from "node:module";
import { test } from "node:test";

const STATIC = new URL("../../static/", import.meta.url);
const HOOK = `
  const STATIC = ${JSON.stringify(STATIC.href)};
  export const resolve = (name, context, next) =>
    next(name.startsWith("/static/") ? STATIC + name.slice("/static/".length) : name, context);
`;
// Addresses of the site are files here.
register(`data:text/javascript,${encodeURIComponent(HOOK)}`);

// The entries do something when they are loaded; the last is a classic script for the head.
const NOT_IMPORTED = ["main.js", "visitor.js", "first-view.js"];

const modules = readdirSync(new URL("js/", STATIC), { recursive: true })
  .filter((name) => name.endsWith(".js") && !NOT_IMPORTED.includes(name))
  .sort();

test("there are modules to look at", () => assert.ok(modules.includes("app.js")));

for (const name of modules) {
  test(`${name} looks at no page when it is imported`, async () => {
    await import(new URL(`js/${name}`, STATIC));
  });
}

test("modules of logic import each other and the table of events, nothing else", async () => {
  const { readFile } = await import("node:fs/promises");
  for (const name of modules.filter((one) => one.startsWith("logic"))) {
    const text = await readFile(new URL(`js/${name}`, STATIC), "utf8");
    const imported = [...text.matchAll(/from "([^"]+)"/g)].map(([, path]) => path);
    const strangers = imported.filter((path) => !/^(\.\/[\w-]+|\.\.\/protocol)\.js$/.test(path));
    assert.deepEqual(strangers, [], name);
  }
});
